"""From a programme to a transmitter's multiplex: intake, coder, meter, sink; block by block.

The audio is heard `delay_samples` after it went in (6 ms, 113 ms with the MPX limiter); pilot and
RDS begin with the first sample, so that the first group is whole. The end of the programme is let
out: the multiplex is longer than the audio by the delay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from dsp.coder.composite_meter import CompositeFigures, CompositeMeter
from dsp.coder.multiplex import Multiplex, RdsBits
from dsp.coder.settings import MultiplexSettings
from dsp.contract import Frames
from dsp.errors import Refusal
from dsp.fm.constants import AUDIO_RATE_HZ
from transmit.intake import Block, Intake
from transmit.multiplex_sink import MultiplexSink
from transmit.settings_refusal import refusal_of_value

_PIECE = 9_600  # frames: 0.2 s


@dataclass(frozen=True)
class MultiplexRun:
    """What was made.

    Attributes
    ----------
    figures
        Measured on what was written.
    delay_s
        By how much the audio is late in it.
    limited_share
        Share of the time in which the coder's ceiling lowered the audio: 0 for an `fm` master.
    lowest_mpx_gain
        Smallest gain of the MPX power limiter, 1 where it was idle; None where there is none.
    not_finite, out_of_range
        Samples of the source that were mended.
    sha256
        Of a file.
    """

    figures: CompositeFigures
    delay_s: float
    limited_share: float
    lowest_mpx_gain: float | None
    not_finite: int
    out_of_range: int
    sha256: str | None


def build_coder(
    settings: MultiplexSettings, rds_bits: RdsBits | None, source_channels: int
) -> Multiplex:
    """Build the coder of a programme.

    Raises
    ------
    Refusal
        "multiplex.settings" for what cannot be together.
    """
    channels = 2 if settings.stereo and source_channels > 1 else 1
    try:
        return Multiplex(settings, rds_bits, channels=channels)
    except ValueError as error:
        raise refusal_of_settings(error) from error


def refusal_of_settings(error: ValueError) -> Refusal:
    """Word a value that settings cannot take as a refusal."""
    return refusal_of_value("multiplex.settings", error)


def make_multiplex(
    source: Iterable[Block],
    form: tuple[int, int],
    coder: Multiplex,
    sink: MultiplexSink,
    advance: Callable[[float], None] | None = None,
) -> MultiplexRun:
    """Send a programme through `coder` to `sink`, and commit it.

    Parameters
    ----------
    source
        Blocks (n, channels), int16 or float32.
    form
        Their sample rate in Hz and channels.
    advance
        Hears how many seconds more were made.

    Raises
    ------
    Refusal
        Where the sink cannot take it.
    """
    intake = Intake(source, (form[0], AUDIO_RATE_HZ), (form[1], coder.channels))
    meter = CompositeMeter(coder.settings.rated_deviation_hz)

    def send(frames: Frames) -> None:
        for start in range(0, len(frames), _PIECE):
            piece = coder.process(frames[start : start + _PIECE])
            meter.process(piece)
            sink.write(piece)
            if advance is not None:
                advance(len(piece) / (4 * AUDIO_RATE_HZ))

    for frames in intake.blocks():
        send(frames)
    tail = -(-coder.delay_samples // 4)
    send(np.zeros((tail, coder.channels), np.float32))
    limiter = coder.power_limiter
    return MultiplexRun(
        sha256=sink.commit(),
        figures=meter.result(),
        delay_s=coder.delay_samples / (4 * AUDIO_RATE_HZ),
        limited_share=coder.ceiling.steps_limited / max(1, coder.ceiling.steps),
        lowest_mpx_gain=limiter.lowest_gain if limiter is not None else None,
        not_finite=intake.not_finite,
        out_of_range=intake.out_of_range,
    )
