"""The work of one job on one target: bytes in, proved renditions out, kept as blobs.

A `Bench` owns a thread and, in it, a resident isolated decoder (which ends with the thread that
made it). All that comes out is named by its digest: doing the work twice keeps the same bytes once.
"""

from __future__ import annotations

import importlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsp.kernel import warm_up
from ingest.decode import DecodeLimits, Decoder
from loa.bulletin import MasterRequest, master_bulletin
from loa.service.failpoints import failpoint
from loa.service.jobs import TARGETS
from transmit.profile import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from loa.bulletin import Rendition
    from loa.service.blobs import Blobs

_MEDIA_TYPES = {
    ".opus": "audio/ogg; codecs=opus",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".flac": "audio/flac",
}
# A hostile file gets its answer within ten seconds: a hang is one of 8 s, not of 20.
_BLOCK_DEADLINE_S, _CPU_BASE_S = 8.0, 8.0


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
    """A place where one file at a time is worked on."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bench")
        self._decoder: Decoder | None = None

    def render(self, order: Order, tell: Callable[[str], None]) -> list[dict[str, Any]]:
        """Return the manifests of the renditions, whose bytes are kept.

        `tell` hears every stage; what it raises ends the work.

        Raises
        ------
        Refusal
            As `master_bulletin` does.
        """
        return self._thread.submit(self._render, order, tell).result()

    def warm_up(self) -> None:
        """Load what the first file would wait for: libraries, kernels, the decoder."""
        load_kernels()
        self._thread.submit(lambda: self._decoder_for(1.0).isolation).result()

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
                    block_deadline_s=_BLOCK_DEADLINE_S,
                    cpu_base_s=_CPU_BASE_S,
                ),
                child="ingest.decode_child",
            )
        return self._decoder

    def _render(self, order: Order, tell: Callable[[str], None]) -> list[dict[str, Any]]:
        def told(stage: str, _share: float) -> None:
            failpoint(f"render.{stage}")
            tell(stage)

        # Beside the uploads: finished files are then renamed into the blobs, not copied.
        with (
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
        }


def load_kernels() -> None:
    """Compile or load every kernel that a rendition needs."""
    importlib.import_module("dsp.measure.programme")
    importlib.import_module("dsp.master.deviation_peak")
    importlib.import_module("transmit.stages")
    importlib.import_module("transmit.mastering")
    warm_up()
