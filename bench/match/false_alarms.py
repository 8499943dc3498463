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

from bench.match.corpus import QUICK, Corpus
from bench.match.filler import PrintModel
from bench.match.filler_cache import kept_references
from bench.match.filling import speech_prints
from bench.match.ours import Loa
from bench.proportion import Proportion
from dsp.recognise.fingerprint import Prints
from ingest.reference.answer import Answer

STATION_WEEK_S = 7 * 86_400
LEAST_S = 1_800_000
BULLETINS = 10_000
_PROGRAMME_S = 600.0


def hear(system: Loa, prints: Prints) -> list[Answer]:
    """Return the recogniser's answers to a programme of prints that then ends."""
    return system.listen_prints(prints)


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
