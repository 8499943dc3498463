"""What is being heard? One answer for every second of a stream.

    recogniser = Recogniser(index)
    for answer in recogniser.process(samples):        # mono, 48 kHz
        …

While a reference is being heard it is followed along its line, which costs next to nothing; the
index is asked only for speech that lies on no line. A line is believed when its evidence could not
be chance anywhere in the index and when it goes on for longer than the phrases that two texts of
one voice share (`verdict`): nearly nine spoken seconds, or all of a clip that ends sooner. Until
then the answer is ``inconclusive``. Where a reference was proved before, a phrase is enough.

A clip that proves nothing is listened to once more, for what is faint in it: music beneath a voice.

Several references may lie on what is heard: copies, a jingle within a bulletin, a sentence that two
bulletins share. The one that held where the others did not is named. If there is none, a reference
that lies wholly within the others is named (the jingle), and else nothing is: ``inconclusive``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsp.contract import Samples
from dsp.recognise.fingerprint import Fingerprinter, Prints
from dsp.recognise.grid import FRAMES_PER_SECOND
from dsp.recognise.line import fit
from dsp.recognise.reference_index import Line, ReferenceIndex
from dsp.recognise.reference_prints import SPEAKS
from ingest.reference.answer import Answer
from ingest.reference.naming import named, nothing_said
from ingest.reference.pauses import without_pauses
from ingest.reference.shared import stand
from ingest.reference.track import Track
from ingest.reference.verdict import believed_as_whole, believed_in_stream, believed_of_clip

SILENT_DBFS = -60.0
HISS_FLATNESS = 0.25
_STEADY = 0.28  # activity up to which nothing but steady noise is heard
_EVIDENCE = 6.5
_CLEARLY = 1.5  # evidence by which a line is worse than another over the same seconds
_HINT = 4.0  # evidence from which a line is judged again when more was heard
_MOST_HINTS = 4
_SAME_LINE_S = 0.5
_AGREEMENT = 0.36
_LEAST_SECONDS = 3  # that must hold before a line that was proved before is believed again
_LOST_AFTER = 2  # spoken seconds off the line after which it is given up
_WINDOW_S = 10  # seconds over which a new line is judged
_MEMORY_S = 20
_TELLS = 2.5  # spoken seconds after which speech that is no reference is called unknown
_PROBES = 12  # keys that a word is looked up under
_ALL_PROBES = 64
_FAINT = 0.2  # activity of a word that counts when nothing else does; that of much noise is below


class Recogniser:
    """State of one stream; see the module.

    Parameters
    ----------
    index
        References; may change between calls.
    rate_hz
        Of the stream.
    look_ahead_s
        Seconds that an answer waits for what follows: with more, the first seconds of a programme
        are named too.
    """

    def __init__(
        self, index: ReferenceIndex, *, rate_hz: int = 48_000, look_ahead_s: int = 1
    ) -> None:
        if not 0 <= look_ahead_s <= 10:
            raise ValueError(f"look_ahead_s: expected 0 to 10, got {look_ahead_s}")
        self.index = index
        self.due: frozenset[str] = frozenset()  # references that a schedule says, if there is one
        self.look_ahead_s = look_ahead_s
        self._printer = Fingerprinter(rate_hz)
        self.rate_hz = rate_hz
        self.reset()

    def reset(self) -> None:
        """As just built."""
        self._printer.reset()
        self._prints = Prints.empty()
        self._tracks: list[Track] = []
        self._hints: list[Line] = []
        self._ended: list[Track] = []  # of the last seconds
        self._past: dict[str, Track] = {}
        self._taken = 0  # seconds compared and searched
        self._answered = 0
        self._alone_since = 0  # second since which no line has held
        self._doubtful: dict[int, set[str]] = {}  # of seconds, lines that are not believed yet

    def process(self, samples: Samples) -> list[Answer]:
        """Return the answers that the next `samples`, float32 (n,), complete.

        Raises
        ------
        BlockContractError
            If `samples` is not finite float32 (n,); the state is untouched.
        """
        return self.process_prints(self._printer.process(samples))

    def finish(self) -> list[Answer]:
        """Return the answers up to the end of the stream; a rest below half a second has none."""
        answers = self.process_prints(self._printer.finish(), ended=True)
        self.reset()
        return answers

    def process_prints(self, prints: Prints, *, ended: bool = False) -> list[Answer]:
        """Return the answers that the next `prints` complete, made elsewhere of the same stream.

        With `ended` nothing follows them: all that is still owed is answered.
        """
        return self._advance(prints, ended=ended)

    @property
    def tracks(self) -> list[Track]:
        """The references being heard."""
        return list(self._tracks)

    def heard_seconds(self, reference: str) -> list[int]:
        """Return the seconds of a reference that were heard so far."""
        track = self._past.get(reference)
        return sorted(track.heard) if track else []

    def _advance(self, prints: Prints, *, ended: bool) -> list[Answer]:
        self._prints = self._prints.then(prints)
        frames = self._prints.first + len(self._prints)
        seconds = frames // FRAMES_PER_SECOND
        if ended and frames % FRAMES_PER_SECOND >= FRAMES_PER_SECOND // 2:
            seconds += 1
        answers = []
        while self._taken < seconds:
            is_clip = ended and self._taken == seconds - 1 and seconds <= _WINDOW_S
            self._take(self._taken, is_clip=is_clip)
            self._taken += 1
            if self._taken > self.look_ahead_s:
                answers.append(self._answer(self._taken - 1 - self.look_ahead_s))
        while ended and self._answered < seconds:
            answers.append(self._answer(self._answered))
        oldest = (self._taken - _MEMORY_S) * FRAMES_PER_SECOND
        self._prints = self._prints.part(max(oldest, self._prints.first), frames)
        self._doubtful = {s: names for s, names in self._doubtful.items() if s >= self._answered}
        return answers

    def _take(self, second: int, *, is_clip: bool) -> None:
        """Follow the lines over one more second, and search if none holds.

        `is_clip`: it was the last one, and all that was heard is still here.
        """
        held = False
        for track in self._tracks:
            track.take(self._prints, second, second + 1)
            held = held or track.holds(second) is not False
            if second % 4 == 0:
                track.refit(self._prints, second + 1)
        lost = [track for track in self._tracks if self._lost(track, second)]
        self._ended = [t for t in [*self._ended, *lost] if max(t.signs, default=0) > second - 20]
        self._tracks = [track for track in self._tracks if track not in lost]
        if any(track.holds(second) for track in self._tracks):
            self._alone_since = second + 1
        elif not held and is_clip:
            self._search_clip(second)
        elif not held:
            self._search(second, second * FRAMES_PER_SECOND)

    def _lost(self, track: Track, second: int) -> bool:
        """Tell whether a line has not held for a while, or its reference has ended."""
        if track.offset_s(second - self.look_ahead_s) > track.length_s + 1.0:
            return True
        off = 0
        for s in range(second, second - 12, -1):
            held = track.holds(s)
            if held:
                return False
            off += held is False
            if off > _LOST_AFTER + self.look_ahead_s:
                return True
        return False

    def _search_clip(self, second: int) -> None:
        """Ask the index for all of a clip, whose last second this is; twice, if once says nothing.

        The second time, what is too faint to count elsewhere counts too.
        """
        self._search(second, 0, is_clip=True)
        if not self._tracks:
            heard, self._prints = self._prints, _with_the_faint(self._prints)
            self._search(second, 0, is_clip=True, probes=_ALL_PROBES)
            self._prints = heard

    def _search(
        self, second: int, start: int, *, is_clip: bool = False, probes: int = _PROBES
    ) -> None:
        """Ask the index for the speech from frame `start` on, and judge what it names.

        A line with too little evidence yet is remembered, and judged again a second later.
        """
        first = max(second + 1 - _WINDOW_S, self._alone_since - 2, 0)
        window = self._prints.part(first * FRAMES_PER_SECOND, (second + 1) * FRAMES_PER_SECOND)
        lines = self.index.search(window, start, probes=probes, least=_HINT)
        lines += [line for line in self._again(window) if not _among(line, lines, second)]
        lines.sort(key=lambda line: -line.evidence)
        best = 0.0  # of a line believed: a shared phrase falls behind the line that it is on
        for line in lines:
            if line.evidence < max(_EVIDENCE, best - _CLEARLY):
                break
            if not _among(line, [track.line for track in self._tracks], second):
                begun = self._begin(line, first, second, is_clip=is_clip)
                best = max(best, line.evidence if begun else 0.0)
        self._hints = lines[:_MOST_HINTS]

    def _again(self, window: Prints) -> list[Line]:
        """Fit the lines of the second before to what is heard now."""
        middle = window.first + len(window) / 2
        lines = []
        for hint in self._hints:
            if hint.reference not in self.index:
                continue
            words = self.index.words_of(hint.reference)
            at = hint.offset_frames + hint.speed * middle
            line = Line(hint.reference, *fit(words, window, middle, at))
            if line.evidence >= _HINT:
                lines.append(line)
        return lines

    def _begin(self, line: Line, first: int, second: int, *, is_clip: bool) -> bool:
        """Begin a track, unless its line spans no more than a phrase; tell whether."""
        words = self.index.words_of(line.reference)
        track = Track(line, words, self.index.levels_of(line.reference))
        track.take(self._prints, first, second + 1)
        before = self._past.get(line.reference)
        heard = self._prints.part(0, (second + 1) * FRAMES_PER_SECOND)
        heard = without_pauses(track.levels, line, heard)
        track.is_all = is_clip and believed_of_clip(words, track.levels, line, heard)
        is_due = line.reference in self.due
        if not (
            self._proved_before(track, before, second)
            or believed_in_stream(words, line, heard, is_due=is_due)
            or believed_as_whole(words, line, heard)
            or track.is_all
        ):
            for s in range(self._answered, second + 1):
                if track.holds(s):
                    self._doubtful.setdefault(s, set()).add(line.reference)
            return False
        if before is not None:
            track.heard, track.gains = before.heard, before.gains
        track.hear(s for s in range(first, second + 1) if track.holds(s))
        self._past[line.reference] = track
        self._tracks.append(track)
        return True

    def _proved_before(self, track: Track, before: Track | None, second: int) -> bool:
        """Tell whether the reference is back where it was believed, after a gap or a burst."""
        if before is None or not _among(track.line, [before.line], second):
            return False
        held = sum(bool(track.holds(s)) for s in track.signs)
        return held >= _LEAST_SECONDS and track.line.agreement >= _AGREEMENT

    def _answer(self, second: int) -> Answer:
        self._answered = second + 1
        part = self._prints.part(second * FRAMES_PER_SECOND, (second + 1) * FRAMES_PER_SECOND)
        level = float(10.0 * np.log10(np.mean(10.0 ** (part.level_dbfs / 10.0))))
        ahead = self._taken
        holding = [track for track in self._tracks if track.is_heard(second, ahead)]
        if holding and level > SILENT_DBFS:
            standing = stand(holding, [*self._tracks, *self._ended], ahead)
            return named(standing, second, range(max(0, second - _WINDOW_S), ahead), level)
        expected = holding[0] if holding else None
        if level <= SILENT_DBFS:
            return nothing_said("silence", second, level, expected)
        if float(np.median(part.activity)) < _STEADY:
            hiss = float(np.median(part.flatness)) >= HISS_FLATNESS
            return nothing_said("hiss" if hiss else "unknown", second, level, expected)
        since = max(self._alone_since, second - _WINDOW_S)
        spoken = self._prints.part(since * FRAMES_PER_SECOND, ahead * FRAMES_PER_SECOND)
        spoken_s = float(np.count_nonzero(spoken.activity >= SPEAKS)) / FRAMES_PER_SECOND
        doubtful = tuple(sorted(self._doubtful.get(second, ())))
        if spoken_s < _TELLS or doubtful:
            return Answer(second, "inconclusive", others=doubtful, level_dbfs=level)
        return Answer(second, "unknown", confidence=1.0 - 0.5**spoken_s, level_dbfs=level)


def _with_the_faint(prints: Prints) -> Prints:
    """Return `prints` in which what is faint counts as speech."""
    counts = np.maximum(prints.activity, np.float32(2.0 * SPEAKS))
    return replace(prints, activity=np.where(prints.activity >= _FAINT, counts, prints.activity))


def _among(line: Line, lines: list[Line], second: int) -> bool:
    """Tell whether a line is one of `lines`."""
    return any(
        other.reference == line.reference
        and abs(other.offset_s(second) - line.offset_s(second)) < _SAME_LINE_S
        for other in lines
    )
