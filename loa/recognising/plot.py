"""Draws the longest match: both waveforms, one upon the other, and their coherence.

Coherence is 1 where one sound is a filtered copy of the other and near 0 where they have nothing in
common; it is what the ear of an engineer would look for, and independent of the fingerprint.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.fft

from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from loa.recognising.excerpt import RATE_HZ, excerpt
from loa.recognising.heard import Heard, is_radio
from loa.recognising.pieces import Piece

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from loa.recognising.matching import MatchRequest, References

_LONGEST_S = 12.0
_SHOWN_S = 1.5
_SLACK_S = 0.1
_SEGMENT = 512
_HEARD, _REFERENCE, _INK = "#0b7285", "#8a8f98", "#222222"

Signal = npt.NDArray[np.floating]


def draw_match(
    request: MatchRequest,
    decoder: Decoder,
    references: References,
    found: list[tuple[Heard, list[Piece]]],
) -> bytes:
    """Return the plot that `request` asks for, as PNG.

    Raises
    ------
    Refusal
        If nothing matched, which is a verdict and leaves with 1, or the reference cannot be
        decoded again.
    """
    pieces = [piece for _, own in found for piece in own if piece.first.verdict == "match"]
    if not pieces:
        raise _nothing("no piece that matches", exit_code=1)
    piece = max(pieces, key=lambda piece: len(piece.answers))
    heard, reference, from_s = _aligned(request, decoder, references, piece)
    return _drawn(piece, reference, heard, from_s)


def require_audio(heard: str) -> None:
    """Refuse to draw a radio source, before anybody listens to it.

    Raises
    ------
    Refusal
        "match.no_plot".
    """
    if is_radio(heard):
        raise _nothing("a radio source, of which no audio is kept", exit_code=2)


def _nothing(got: str, exit_code: int) -> Refusal:
    return Refusal(
        "match.no_plot",
        expected="a piece of an audio file that matches, to be drawn",
        got=got,
        advice="the same without --plot; `loa receive --audio` makes audio files of a radio source",
        exit_code=exit_code,
    )


def _aligned(
    request: MatchRequest, decoder: Decoder, references: References, piece: Piece
) -> tuple[Signal, Signal, float]:
    """Return heard and reference, sample upon sample, and where in the heard file they begin."""
    length_s = min(_LONGEST_S, float(len(piece.answers)))
    from_s = piece.from_s + max(0.0, (len(piece.answers) - length_s) / 2)
    answer = min(piece.answers, key=lambda a: abs(a.second - from_s))
    assert answer.offset_s is not None
    assert answer.reference is not None
    at_s = answer.offset_s + from_s - answer.second
    begin_s = max(0.0, at_s - _SLACK_S)
    heard = excerpt(decoder, Path(request.heard), from_s, length_s)
    path = references.paths[answer.reference]
    reference = excerpt(decoder, path, begin_s, length_s + 2 * _SLACK_S)
    lag = best_lag(reference, heard)
    reference = reference[lag:]
    n = min(len(reference), len(heard))
    return heard[:n], reference[:n], from_s


def best_lag(reference: Signal, heard: Signal) -> int:
    """Return how many samples of `reference` precede the first of `heard`, at most 0.2 s."""
    length = scipy.fft.next_fast_len(len(reference) + len(heard), real=True)
    product = scipy.fft.rfft(reference, length) * np.conj(scipy.fft.rfft(heard, length))
    correlation = scipy.fft.irfft(product, length)[: round(2 * _SLACK_S * RATE_HZ) + 1]
    return int(np.argmax(np.abs(correlation)))


def coherence(one: Signal, other: Signal) -> tuple[Signal, Signal]:
    """Return frequencies in Hz and the magnitude-squared coherence (Welch, 64 ms, half overlap)."""
    starts = range(0, min(len(one), len(other)) - _SEGMENT + 1, _SEGMENT // 2)
    window = np.hanning(_SEGMENT)
    a = scipy.fft.rfft(np.array([one[s : s + _SEGMENT] * window for s in starts]), axis=1)
    b = scipy.fft.rfft(np.array([other[s : s + _SEGMENT] * window for s in starts]), axis=1)
    cross = np.abs((a * np.conj(b)).mean(axis=0)) ** 2
    powers = (np.abs(a) ** 2).mean(axis=0) * (np.abs(b) ** 2).mean(axis=0)
    frequency = np.arange(_SEGMENT // 2 + 1) * RATE_HZ / _SEGMENT
    return frequency, cross / np.maximum(powers, 1e-30)


def _drawn(piece: Piece, reference: Signal, heard: Signal, from_s: float) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 6.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    whole, close, spectrum = figure.subplots(3, 1)
    line = piece.as_dict("")
    whole.set_title(
        f"{piece.from_s}–{piece.to_s} s: {piece.first.reference}, delay {line['delay_ms']} ms, "
        f"{line['completeness_percent']} % heard",
        fontsize=10,
    )
    _draw_waves(whole, close, reference, heard, from_s)
    frequency, shared = coherence(reference, heard)
    spectrum.plot(frequency, shared, color=_INK, lw=1.0)
    spectrum.set_xlim(0, RATE_HZ / 2)
    spectrum.set_ylim(0, 1.05)
    spectrum.set_xlabel("frequency, Hz")
    spectrum.set_ylabel("coherence")
    for axes in (whole, close, spectrum):
        axes.grid(alpha=0.25)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_waves(whole: Axes, close: Axes, reference: Signal, heard: Signal, from_s: float) -> None:
    """Draw one above the other; close to, the heard one upon a broad line: the reference."""
    time = from_s + np.arange(len(heard)) / RATE_HZ
    for signal, colour, width, place in (
        (reference, _REFERENCE, 2.6, 1.0),
        (heard, _HEARD, 0.7, -1.0),
    ):
        share = signal / max(float(np.abs(signal).max()), 1e-9)
        whole.plot(time, place + share, color=colour, lw=0.6)
        close.plot(time, share, color=colour, lw=width)
    whole.set_yticks([1.0, -1.0], ["reference", "heard"], rotation=90, va="center")
    whole.set_xlim(time[0], time[-1])
    loudest = float(time[np.argmax(np.abs(heard))])
    left = min(max(time[0], loudest - _SHOWN_S / 2), max(time[0], time[-1] - _SHOWN_S))
    close.set_xlim(left, left + _SHOWN_S)
    close.set_ylim(-1.05, 1.05)
    close.set_ylabel("of its peak")
    close.set_xlabel("time in what was heard, s")
