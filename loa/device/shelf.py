"""Recordings that were sent ahead: found by their digest, checked, decoded once, on a thread.

A recording of a bulletin is a file in the store folder, named by its SHA-256 as in the inbox of
`loa play`. It is copied while its digest is taken, and the copy is what is decoded: whoever can
write into the store cannot exchange it in between. While it is decoded the alert sounds.
"""

from __future__ import annotations

import queue
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from dsp.contract import Samples
from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from loa.play.recordings import Recordings
from loa.reporting import refusal_of
from transmit.bulletin.content import Audio
from transmit.bulletin.signed_copy import copy_signed
from transmit.playout.zone_player import SAMPLES_PER_MS

_AGAIN_S = 1.0


class Shelf:
    """Recordings by their digest; a context manager.

    Parameters
    ----------
    store
        Where recordings are put; None for nowhere.
    state
        Where decoded ones are kept, 11.5 MB a minute.
    """

    def __init__(self, store: Path | None, state: Path) -> None:
        self._store = store
        self._copies = state / "audio"
        self._recordings = Recordings(state / "decoded")
        self._copies.mkdir(parents=True, exist_ok=True)
        self._lengths: dict[str, int] = {}
        self._failed: dict[str, Refusal] = {}
        self._wanted: queue.SimpleQueue[Audio | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)

    def start(self) -> None:
        """Decode from now on what is wanted."""
        self._thread.start()

    def want(self, audio: Audio) -> None:
        """Have a recording made ready."""
        if audio.sha256 not in self._lengths:
            self._failed.pop(audio.sha256, None)
            self._wanted.put(audio)

    def length(self, sha256: str) -> int | None:
        """Return the length in samples at 48 kHz; None while it is not ready."""
        return self._lengths.get(sha256)

    def failure(self, sha256: str) -> Refusal | None:
        """Return why a recording cannot be played; one that is missing may still come."""
        return self._failed.get(sha256)

    def read(self, sha256: str, offset: int, count: int) -> Samples:
        """Return samples of a recording that is ready."""
        return self._recordings.read(sha256, offset, count)

    def take(self, audio: Audio, decoder: Decoder, source: Path | None = None) -> None:
        """Check and decode a recording now.

        Raises
        ------
        Refusal
            "bulletin.audio_missing", "bulletin.digest", what cannot be decoded, a full disk.
        """
        path = source or self._find(audio.sha256)
        copy = self._copies / audio.sha256
        try:
            copy_signed(path, copy, audio)
            length_ms = self._recordings.add(audio.sha256, copy, decoder)
        finally:
            copy.unlink(missing_ok=True)
        self._lengths[audio.sha256] = length_ms * SAMPLES_PER_MS

    def close(self) -> None:
        """End the thread."""
        self._wanted.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread."""
        self.close()

    def _run(self) -> None:
        missing: list[Audio] = []
        with ExitStack() as held:
            decoder = held.enter_context(Decoder())
            while True:
                try:
                    wanted = self._wanted.get(timeout=_AGAIN_S if missing else None)
                except queue.Empty:
                    missing = [audio for audio in missing if not self._tried(audio, decoder)]
                    continue
                if wanted is None:
                    return
                if not self._tried(wanted, decoder):
                    missing.append(wanted)

    def _tried(self, audio: Audio, decoder: Decoder) -> bool:
        """Make a recording ready or know why not; False where it may still come."""
        try:
            self.take(audio, decoder)
        except (Refusal, OSError) as error:
            refusal = error if isinstance(error, Refusal) else refusal_of(error)
            self._failed[audio.sha256] = refusal
            return refusal.kind != "bulletin.audio_missing"
        self._failed.pop(audio.sha256, None)
        return True

    def _find(self, sha256: str) -> Path:
        if self._store is not None:
            for path in (self._store / sha256, *sorted(self._store.glob(f"{sha256}.*"))):
                if path.is_file():
                    return path
        raise Refusal(
            "bulletin.audio_missing",
            expected=f"the recording {sha256}",
            got="none of that name",
            advice="putting it into the store ahead of the bulletin",
        )
