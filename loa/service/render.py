"""The work of one job: bytes in, proved renditions of its targets out, kept as blobs.

The targets of a job are made side by side, one a core, each in a `Place`: a thread with a resident
isolated decoder (which ends with the thread that made it). Each target decodes the source for
itself: that is 0.1 s of the 2.3 s that a target of a 5-minute bulletin takes. All that comes out is
named by its digest: doing the work twice keeps the same bytes once.
"""

from __future__ import annotations

import importlib
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from dsp.kernel import warm_up
from ingest.decode.decoder import DecodeLimits, Decoder
from loa.bulletin import MasterRequest, master_bulletin
from loa.service.database import failures_refused
from loa.service.failpoints import failpoint
from loa.service.loudness_trace import loudness_trace
from loa.service.submission import TARGETS
from transmit.profile import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loa.bulletin import Rendition
    from loa.service.blobs import Blobs

_MEDIA_TYPES = {
    ".opus": "audio/ogg; codecs=opus",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".flac": "audio/flac",
}
# A hostile file gets its answer within ten seconds: all waiting for it ends after 8 s, not 20, and
# a quarter of what it gave.
_WAIT_BASE_S, _WAIT_PER_SECOND_S, _CPU_BASE_S = 8.0, 0.25, 8.0


class NotWantedError(Exception):
    """The job was cancelled, or another attempt is the one that counts."""


@dataclass(frozen=True)
class Order:
    """What is to be made of which blob."""

    sha256: str
    suffix: str
    target: str
    decoded_s: float


class Bench:
    """Where one bulletin at a time is worked on: a place for each target, as the cores allow."""

    def __init__(self, blobs: Blobs, places: int, decoded_s: float) -> None:
        self._decoded_s = decoded_s
        self._places = [Place(blobs) for _ in range(places)]
        self._free: SimpleQueue[Place] = SimpleQueue()
        for place in self._places:
            self._free.put(place)
        self._pool = ThreadPoolExecutor(places, thread_name_prefix="bench")

    def render(
        self, orders: Sequence[Order], tell: Callable[[str], None]
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield for each order, as it is ready, the manifests of its renditions, which are kept.

        `tell` hears every stage, from several threads; what it raises ends the work. After the
        first failure the other orders end at their next stage.

        Raises
        ------
        Refusal
            As `master_bulletin` does, once everything has ended.
        """
        failed = threading.Event()

        def told(stage: str) -> None:
            if failed.is_set():
                raise NotWantedError
            tell(stage)

        works = [self._pool.submit(self._place_and_render, order, told) for order in orders]
        first: BaseException | None = None
        for work in as_completed(works):
            if (error := work.exception()) is not None:
                failed.set()
                first = first or error
            elif first is None:
                yield work.result()
        if first is not None:
            raise first

    def warm_up(self) -> None:
        """Start what the first file would wait for: the decoder of the place that it gets."""
        self._places[0].warm_up(self._decoded_s)

    def close(self) -> None:
        """End the threads and their decoders."""
        self._pool.shutdown()
        for place in self._places:
            place.close()

    def _place_and_render(self, order: Order, tell: Callable[[str], None]) -> list[dict[str, Any]]:
        place = self._free.get()
        try:
            return place.render(order, tell)
        finally:
            self._free.put(place)


class Place:
    """Where one target at a time is worked on: a thread with a decoder, which ends with it."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="place")
        self._decoder: Decoder | None = None

    def render(self, order: Order, tell: Callable[[str], None]) -> list[dict[str, Any]]:
        """Return the manifests of the renditions, whose bytes are kept."""
        return self._thread.submit(self._render, order, tell).result()

    def warm_up(self, decoded_s: float) -> None:
        """Start the decoder for files of at most so many seconds, and wait for it."""
        self._thread.submit(lambda: self._decoder_for(decoded_s).isolation).result()

    def close(self) -> None:
        """End the thread and its decoder."""
        if self._decoder is not None:
            self._thread.submit(self._decoder.close)
        self._thread.shutdown()

    def _decoder_for(self, decoded_s: float) -> Decoder:
        if self._decoder is None or self._decoder.limits.max_duration_s != decoded_s:
            if self._decoder is not None:
                self._decoder.close()
            self._decoder = Decoder(
                DecodeLimits(
                    max_duration_s=decoded_s,
                    wait_base_s=_WAIT_BASE_S,
                    wait_per_second_s=_WAIT_PER_SECOND_S,
                    cpu_base_s=_CPU_BASE_S,
                ),
                child="ingest.decode.child",
            )
        return self._decoder

    def _render(self, order: Order, tell: Callable[[str], None]) -> list[dict[str, Any]]:
        def told(stage: str, _share: float) -> None:
            failpoint(f"render.{stage}")
            tell(stage)

        # Beside the uploads: finished files are then renamed into the blobs, not copied.
        with (
            failures_refused(),
            self._blobs.local(order.sha256, order.suffix) as source,
            tempfile.TemporaryDirectory(dir=self._blobs.parts) as folder,
        ):
            outputs = tuple(
                Path(folder) / f"{order.target}.{suffix}" for suffix in TARGETS[order.target]
            )
            request = MasterRequest(source, outputs, load_profile(order.target))
            decoder = self._decoder_for(order.decoded_s)
            report = master_bulletin(request, decoder=decoder, progress=told)
            return [self._keep(rendition) for rendition in report.renditions]

    def _keep(self, rendition: Rendition) -> dict[str, Any]:
        suffix, encoded = rendition.output.suffix, rendition.encoded
        self._blobs.keep(rendition.output, encoded.sha256)
        failpoint("render.blob_kept")
        manifest = rendition.as_dict()
        manifest["output"] = f"{rendition.profile.name}{suffix}"
        return manifest | {
            "size_bytes": encoded.size_bytes,
            "media_type": _MEDIA_TYPES[suffix],
            "url": f"/v1/blobs/{encoded.sha256}",
            "holds": rendition.holds,
            "loudness": loudness_trace(rendition),
        }


def load_kernels() -> None:
    """Compile or load every kernel that a rendition needs."""
    importlib.import_module("dsp.dither")
    importlib.import_module("dsp.measure.programme")
    importlib.import_module("dsp.master.deviation_peak")
    importlib.import_module("transmit.stages")
    importlib.import_module("transmit.mastering")
    warm_up()
