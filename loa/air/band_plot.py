"""A picture of a band: mean and highest spectrum, and the waterfall below, as PNG.

Powers are per line of the analysis in dBFS of a sine: a carrier of -20 dBFS stands at -20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

LINES = 1_024
ROWS = 400
_MOST_HOP = 16_384
_FLOOR = 1e-14
_TOP_DBFS = 0.0


class BandPicture:
    """Collects a capture of any length into at most 400 rows of 1024 lines.

    Parameters
    ----------
    rate_hz, centre_hz, seconds
        Of the capture.
    marks
        Names of stations and their frequencies in Hz.
    """

    def __init__(
        self, rate_hz: int, centre_hz: float, seconds: float, marks: Mapping[str, float]
    ) -> None:
        self._rate_hz = rate_hz
        self._centre_hz = centre_hz
        self._seconds = seconds
        self._marks = dict(marks)
        self._row_samples = max(LINES, round(seconds * rate_hz) // ROWS)
        self._hop = min(_MOST_HOP, self._row_samples)
        self._window = np.hanning(LINES).astype(np.float32)
        self._sum = np.zeros(LINES)
        self._top = np.zeros(LINES)
        self._count = 0
        self._row = np.zeros(LINES)
        self._row_count = 0
        self._seen = 0
        self._rows: list[npt.NDArray[np.float32]] = []

    def add(self, samples: npt.NDArray[Any]) -> None:
        """Add complex64 (n,) or interleaved uint8 (2n,): an analysis a row, or more."""
        for start in range(0, _count(samples), self._hop):
            piece = _complex(samples, start, LINES)
            if len(piece) == LINES:
                self._analyse(piece)
            self._seen += min(self._hop, _count(samples) - start)
            while self._seen >= self._row_samples * (len(self._rows) + 1):
                self._end_row()

    def save(self, path: Path) -> None:
        """Draw the picture; `path` may be of any name."""
        if self._row_count:
            self._end_row()
        import matplotlib as mpl

        mpl.use("agg")
        from matplotlib.figure import Figure

        with mpl.rc_context({"font.family": ["DejaVu Sans"], "font.size": 10}):
            figure = Figure(figsize=(9.0, 7.0), dpi=110, layout="constrained")
            spectrum, waterfall = figure.subplots(
                2, 1, sharex=True, gridspec_kw={"height_ratios": [2, 3]}
            )
            self._draw_spectrum(spectrum)
            self._draw_waterfall(figure, waterfall)
            figure.savefig(path, format="png", metadata={"Software": None})

    def _analyse(self, piece: npt.NDArray[np.complex64]) -> None:
        lines = np.fft.fftshift(np.fft.fft(piece * self._window)) / self._window.sum()
        power = np.abs(lines) ** 2
        self._sum += power
        np.maximum(self._top, power, out=self._top)
        self._count += 1
        self._row += power
        self._row_count += 1

    def _end_row(self) -> None:
        if self._row_count or not self._rows:
            mean = self._row / max(1, self._row_count)
            self._rows.append(_db(mean).astype(np.float32))
        else:  # nothing was long enough to be analysed: better the row before than a gap
            self._rows.append(self._rows[-1])
        self._row[:] = 0.0
        self._row_count = 0

    def _megahertz(self) -> npt.NDArray[np.float64]:
        return (self._centre_hz + np.fft.fftshift(np.fft.fftfreq(LINES, 1 / self._rate_hz))) / 1e6

    def _draw_spectrum(self, axes: Any) -> None:
        hertz = self._megahertz()
        axes.plot(hertz, _db(self._top), color="#adb5bd", linewidth=0.8, label="highest")
        mean = _db(self._sum / max(1, self._count))
        axes.plot(hertz, mean, color="#0b7285", linewidth=1.0, label="mean")
        low = float(np.floor(np.percentile(mean, 5) / 10.0) * 10.0) - 10.0
        axes.set_ylim(low, _TOP_DBFS)
        for name, frequency_hz in self._marks.items():
            axes.axvline(frequency_hz / 1e6, color="#c92a2a", linewidth=0.6, linestyle=":")
            axes.text(frequency_hz / 1e6, _TOP_DBFS - 2, name, ha="center", va="top", fontsize=8)
        axes.set_ylabel("dBFS per line")
        axes.grid(visible=True, alpha=0.25)
        axes.legend(loc="lower right", ncols=2, frameon=False, fontsize=8)

    def _draw_waterfall(self, figure: Any, axes: Any) -> None:
        rows = np.array(self._rows) if self._rows else np.full((1, LINES), -100.0)
        hertz = self._megahertz()
        low, high = np.percentile(rows, 2), np.percentile(rows, 99.8)
        image = axes.imshow(
            rows,
            aspect="auto",
            extent=(hertz[0], hertz[-1], self._seconds, 0.0),
            cmap="viridis",
            vmin=low,
            vmax=max(high, low + 1.0),
            interpolation="nearest",
        )
        axes.set_xlabel("MHz")
        axes.set_ylabel("s")
        figure.colorbar(image, ax=axes, label="dBFS per line", pad=0.01)


def _count(samples: npt.NDArray[Any]) -> int:
    return len(samples) // 2 if samples.dtype == np.uint8 else len(samples)


def _complex(samples: npt.NDArray[Any], start: int, count: int) -> npt.NDArray[np.complex64]:
    """Return samples start … start + count as complex64."""
    if samples.dtype != np.uint8:
        return np.asarray(samples[start : start + count], np.complex64)
    codes = samples[2 * start : 2 * (start + count)].astype(np.float32)
    return ((codes - np.float32(127.5)) / np.float32(127.5)).view(np.complex64)


def _db(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(10.0 * np.log10(np.maximum(power, _FLOOR)))
