"""`make long`: weeks of a station that says nothing of what the index holds: nothing may be named.

    python -m bench.match.false_alarms [SECONDS] [BULLETINS]

Accelerated: prints are made in place of sound (`bench.match.filler`: the statistics of real speech,
with seconds that real bulletins have said mixed in), and given to the recogniser behind its
fingerprinter. What a decoder, a receiver or a fingerprinter might do wrong with sound is therefore
not in it; `bench.match.false_matches` has that, for fewer hours. The least is 1.8 million seconds,
three station-weeks.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from bench.match.corpus import QUICK, Corpus
from bench.match.filler import PrintModel
from bench.match.filler_cache import kept_references
from bench.match.filling import speech_prints
from bench.match.ours import Loa
from bench.proportion import Proportion
from dsp.recognise.fingerprint import Prints
from dsp.recognise.grid import FRAMES_PER_SECOND
from ingest.reference.answer import Answer
from ingest.reference.recogniser import Recogniser

STATION_WEEK_S = 7 * 86_400
LEAST_S = 1_800_000
BULLETINS = 10_000
_PROGRAMME_S = 600.0


class PrintsHeard:
    """Stands where the fingerprinter stands: gives prints that are there already."""

    def __init__(self, prints: Prints) -> None:
        self._prints = prints
        self._given = 0

    def process(self, samples: np.ndarray) -> Prints:
        """Return the prints of as many frames as `samples` counts."""
        first, self._given = self._given, self._given + len(samples)
        return self._prints.part(first, self._given)

    def finish(self) -> Prints:
        """Return nothing more."""
        return self._prints.part(self._given, self._given)

    def reset(self) -> None:
        """Begin again."""
        self._given = 0


def hear(system: Loa, prints: Prints) -> list[Answer]:
    """Return the recogniser's answers to a programme of prints, second by second."""
    recogniser = Recogniser(system.index)
    recogniser._printer = PrintsHeard(prints)  # type: ignore[assignment]  # noqa: SLF001
    answers: list[Answer] = []
    frames = np.zeros(FRAMES_PER_SECOND, np.float32)
    for _ in range(len(prints) // FRAMES_PER_SECOND):
        answers += recogniser.process(frames)
    return answers + recogniser.finish()


def main() -> int:
    """Run the campaign; 1 if a second was named or it was too short."""
    wanted_s = int(sys.argv[1]) if len(sys.argv) > 1 else LEAST_S
    bulletins = int(sys.argv[2]) if len(sys.argv) > 2 else BULLETINS
    real = speech_prints(Corpus(QUICK))
    system = Loa()
    system.fill(kept_references(real, bulletins))
    model = PrintModel(real, _PROGRAMME_S)
    seconds, named, began_s = 0, 0, time.process_time()
    for prints in model.make(-(-wanted_s // int(_PROGRAMME_S)), seed=2):
        answers = hear(system, prints)
        seconds += len(answers)
        named += sum(answer.verdict == "match" for answer in answers)
    took_s = time.process_time() - began_s
    found = Proportion(named, seconds)
    print("| index | query-seconds | station-weeks | seconds named | × real time |")
    print("|---|---|---|---|---|")
    print(
        f"| {bulletins} made bulletins of 5 min | {seconds} | {seconds / STATION_WEEK_S:.2f} "
        f"| {found.hits} (below {100 * found.interval()[1]:.5f} %) | {seconds / took_s:.0f} |"
    )
    return 1 if named or seconds < min(wanted_s, LEAST_S) else 0


if __name__ == "__main__":
    sys.exit(main())
