"""The `sim:` source: a scene as the samples that a dongle would have delivered, block after block.

    source = SceneSource(load_scene(path))
    for block in source.blocks(): ...           # IqBlock of uint8
    table = source.truth()                      # where asked for

The capture is made in stretches of 50 ms, counted from its start: the same scene is the same bytes,
whoever asks and however large a block it asks for. Memory is bounded by the stretch.

A dropped block is no more told here than a dongle tells it: `index` counts the samples delivered,
`missing_samples` is 0, and only `time_utc` knows. Finding that out is the receiver's work.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dsp.modulate.band import Band
from dsp.modulate.dongle import Dongle, DongleSettings
from dsp.modulate.time_base import TimeBase
from ingest.iq.block import FULL_SCALE, IqBlock, SampleFormat
from ingest.scene.scene import load_scene
from ingest.scene.transmitter import Transmitter
from ingest.scene.truth import truth_table
from ingest.scene.usb import Delivery, Usb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.scene.scene import Scene

_STRETCHES_PER_S = 20
_SEED_STEP = 10_007  # between stations: each draws its own numbers


class SceneSource:
    """Renders a scene; an `IqSource`, read once.

    Parameters
    ----------
    scene
        What to render.
    sample_format
        "u8" as a dongle delivers, or "complex64": the same band before the eight bits.
    block_samples
        Most samples in a block; None gives stretches of 50 ms as they are made.
    with_truth
        Whether `truth` will be asked for.

    Raises
    ------
    Refusal
        For an audio file that is none, before anything is rendered.
    """

    time_basis: Literal["simulated"] = "simulated"

    def __init__(
        self,
        scene: Scene,
        *,
        sample_format: SampleFormat = "u8",
        block_samples: int | None = None,
        with_truth: bool = False,
    ) -> None:
        self.scene = scene
        self.rate_hz = scene.capture.rate_hz
        self.centre_hz: float | None = scene.capture.centre_hz
        self.sample_format: SampleFormat = sample_format
        self.full_scale = FULL_SCALE[sample_format]
        self._block_samples = block_samples
        self._clock = TimeBase(scene.dongle.ppm, scene.dongle.ppm_per_min)
        self._dongle = _dongle(scene, eight_bits=sample_format == "u8")
        self._usb = Usb(scene.dongle, self.rate_hz, 2 if sample_format == "u8" else 1)
        self._closed = False
        self._held = ExitStack()
        self._transmitters: list[Transmitter] = []
        try:
            for number, station in enumerate(scene.stations):
                seed = scene.capture.seed + _SEED_STEP * (number + 1)
                transmitter = Transmitter(scene, station, seed, with_truth=with_truth)
                self._held.callback(transmitter.close)
                transmitter.check()
                self._transmitters.append(transmitter)
        except BaseException:
            self._held.close()
            raise

    def deliveries(self) -> Iterator[Delivery]:
        """Yield the samples as they arrive, with their true place and the time of arrival."""
        band, done = Band(), 0
        while done < self.scene.samples and not self._closed:
            end = (done * _STRETCHES_PER_S // self.rate_hz + 1) * self.rate_hz
            count = min(-(-end // _STRETCHES_PER_S), self.scene.samples) - done
            band.start(done, count)
            for transmitter in self._transmitters:
                transmitter.add_to(band, count)
            yield from self._usb.pass_on(self._dongle.process(band.iq), done)
            done += count

    def blocks(self) -> Iterator[IqBlock]:
        """Yield the capture; see the module for what a drop looks like."""
        delivered = 0
        for delivery in self.deliveries():
            for samples, index in self._cut(delivery):
                block = IqBlock(samples, delivered, self._taken_at(index))
                yield block
                delivered += block.count

    def truth(self) -> dict[str, Any]:
        """Return the whole of TRUTH.json, after the last block."""
        seconds = int(self.scene.samples // self.rate_hz)
        records = {t.station.id: t.finish(seconds) for t in self._transmitters}
        return truth_table(self.scene, records)

    def close(self) -> None:
        """End the decoders; `blocks` ends."""
        self._closed = True
        self._held.close()

    def notes(self) -> list[dict[str, Any]]:
        """Return nothing: a simulated dongle notices as little as a real one."""
        return []

    def _cut(self, delivery: Delivery) -> Iterator[tuple[Any, int]]:
        width = 2 if self.sample_format == "u8" else 1
        most = self._block_samples or max(1, len(delivery.samples))
        for start in range(0, len(delivery.samples) // width, most):
            piece = delivery.samples[width * start : width * (start + most)]
            yield np.ascontiguousarray(piece), delivery.place + start

    def _taken_at(self, index: int) -> Any:
        true_s = self._clock.true_s(index / self.rate_hz)
        return self.scene.capture.start_utc + timedelta(seconds=true_s)


def _dongle(scene: Scene, *, eight_bits: bool) -> Dongle:
    table, rate_hz = scene.dongle, scene.capture.rate_hz
    settings = DongleSettings(
        noise_dbfs=table.noise_dbfs,
        dc_dbfs=table.dc_dbfs,
        iq_gain_db=table.iq_gain_db,
        iq_phase_deg=table.iq_phase_deg,
        seed=scene.capture.seed,
    )
    steps = tuple((round(step.at_s * rate_hz), step.gain_db) for step in table.gain_steps)
    return Dongle(settings, gain_steps=steps, eight_bits=eight_bits)


def open_scene(path: Path) -> SceneSource:
    """Return the source of `sim:PATH`; raises as `load_scene` and `SceneSource` do."""
    return SceneSource(load_scene(path))
