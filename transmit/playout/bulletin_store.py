"""Accepted bulletins on the disk: their record is the acknowledgement.

In this order, so that a power cut at any moment loses nothing that was acknowledged and plays
nothing twice: check, recordings (size and SHA-256 as signed, decoded once), the record (synced and
renamed), the anti-replay counters. Where the cut falls between the last two, the counters are made
again from the records when the store is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dsp.errors import Refusal
from transmit.atomic import OutputSet
from transmit.bulletin.acceptance import Acceptance, Accepted
from transmit.bulletin.canonical import canonical_bytes, strict_json
from transmit.bulletin.challenge import bulletin_digest
from transmit.bulletin.content import Audio, Bulletin
from transmit.bulletin.envelope import read_envelope
from transmit.bulletin.signed_copy import copy_signed
from transmit.playout.local_time import ms_of
from transmit.playout.programme import Heard
from transmit.playout.timeline import Part

SCHEMA = "loa.accepted/1"
_KEPT = timedelta(days=3)  # longer than a timeline looks back
_MOST_RECORD_BYTES = 1 << 20


class BulletinStore:
    """What was taken in and may still play.

    Parameters
    ----------
    folder
        Made where it is missing; `accepted/` and `audio/` in it.
    acceptance
        The door, whose memory lies elsewhere.
    length_ms
        Tells the length of a recording, given with its SHA-256, by decoding all of it; raises
        Refusal where it cannot.
    exercise
        Recording that is played ahead of a test, and its length; without one no test is taken.

    Attributes
    ----------
    heard
        All bulletins, by the digest of their content.
    passed_over
        Records that were not believed when the store was opened: (name, why).
    """

    def __init__(
        self,
        folder: Path,
        acceptance: Acceptance,
        length_ms: Callable[[Path, str], int],
        exercise: Part | None = None,
    ) -> None:
        self._accepted = folder / "accepted"
        self._audio = folder / "audio"
        self._acceptance = acceptance
        self._length_ms = length_ms
        self._exercise = exercise
        for one in (self._accepted, self._audio):
            one.mkdir(parents=True, exist_ok=True)
        self.heard: dict[str, Heard] = {}
        self.passed_over: list[tuple[str, str]] = []
        self._load()

    def take(
        self,
        content: bytes,
        find_audio: Callable[[Audio], Path | None],
        now_utc: Callable[[], datetime],
    ) -> Heard:
        """Take a bulletin in; when this returns it is acknowledged: it survives a power cut.

        Parameters
        ----------
        content
            The envelope.
        find_audio
            Returns the file that is said to hold a recording, None where there is none yet.
        now_utc
            The clock: a bulletin plays from when it is ready on, and decoding takes its time.

        Raises
        ------
        Refusal
            What `Acceptance.check` refuses; "bulletin.audio_missing", "bulletin.digest",
            "bulletin.exercise"; what cannot be decoded; exit code 4 where the disk is the reason.
        """
        accepted = self._acceptance.check(content, now_utc())
        bulletin = accepted.bulletin
        if bulletin.test and bulletin.audio and self._exercise is None:
            raise Refusal(
                "bulletin.exercise",
                expected="a schedule with an announcement for exercises",
                got="none",
                advice='exercise = "RECORDING" in the schedule',
            )
        lengths = [self._take_audio(audio, find_audio(audio)) for audio in bulletin.audio]
        accepted = replace(accepted, accepted_utc=now_utc())
        digest = bulletin_digest(bulletin)
        self._write_record(digest, accepted, lengths)
        self._acceptance.mark(accepted)
        self.heard[digest] = self._heard(bulletin, accepted.accepted_utc, lengths)
        return self.heard[digest]

    def forget_before(self, now_utc: datetime) -> None:
        """Remove what expired days ago, and recordings that nothing names any more."""
        for digest, one in list(self.heard.items()):
            if one.bulletin.expires_utc + _KEPT < now_utc:
                (self._accepted / f"{digest}.json").unlink(missing_ok=True)
                del self.heard[digest]
        named = {audio.sha256 for one in self.heard.values() for audio in one.bulletin.audio}
        for path in self._audio.iterdir():
            if path.name not in named and not path.name.startswith("."):
                path.unlink(missing_ok=True)

    def path_of(self, sha256: str) -> Path:
        """Return where a recording lies."""
        return self._audio / sha256

    def _take_audio(self, audio: Audio, source: Path | None) -> int:
        """Copy a recording in, if it is the one that was signed; return its length."""
        if source is None and self.path_of(audio.sha256).is_file():
            source = self.path_of(audio.sha256)  # another bulletin has it
        if source is None:
            raise Refusal(
                "bulletin.audio_missing",
                expected=f"the recording {audio.sha256}",
                got="none of that name",
                advice="putting it beside the envelope, and there first",
            )
        final = self.path_of(audio.sha256)
        with OutputSet([final]) as output:
            part = output.part(final)
            copy_signed(source, part, audio, final=final)
            length_ms = self._length_ms(part, audio.sha256)
            output.commit()
        return length_ms

    def _write_record(self, digest: str, accepted: Accepted, lengths_ms: list[int]) -> None:
        final = self._accepted / f"{digest}.json"
        record: dict[str, Any] = {
            "schema": SCHEMA,
            "accepted_ms": ms_of(accepted.accepted_utc),
            "lengths_ms": lengths_ms,
            "envelope": accepted.envelope.as_dict(),
        }
        with OutputSet([final]) as output:
            output.part(final).write_bytes(canonical_bytes(record))
            output.commit()

    def _load(self) -> None:
        """Read the records again, and believe only what is still signed by keys in force."""
        seen = []
        for path in sorted(self._accepted.glob("[0-9a-f]*.json")):
            try:
                seen.append(self._read_record(path))
            except (OSError, ValueError, KeyError, TypeError, Refusal) as error:
                self.passed_over.append((path.name, " ".join(str(error).split())[:300]))
        self._acceptance.remember_all(seen)

    def _read_record(self, path: Path) -> Accepted:
        with path.open("rb") as file:
            table = strict_json(file.read(_MOST_RECORD_BYTES))
        envelope = read_envelope(canonical_bytes(table["envelope"]))
        at_ms, lengths = int(table["accepted_ms"]), [int(one) for one in table["lengths_ms"]]
        when = datetime.fromtimestamp(at_ms / 1000, UTC)
        accepted = self._acceptance.again(envelope, when)
        digest = bulletin_digest(envelope.bulletin)
        if path.stem != digest or len(lengths) != len(envelope.bulletin.audio):
            raise ValueError("record: expected the one of its name, got another")
        self.heard[digest] = self._heard(envelope.bulletin, when, lengths)
        return accepted

    def _heard(self, bulletin: Bulletin, when: datetime, lengths_ms: list[int]) -> Heard:
        pairs = zip(bulletin.audio, lengths_ms, strict=True)
        parts = tuple(Part(audio.sha256, length) for audio, length in pairs)
        if bulletin.test and parts and self._exercise is not None:
            parts = (self._exercise, *parts)
        return Heard(bulletin, ms_of(when), parts)
