"""A picture of a reception: spectrum, waterfall, and for every station its deviation and its RDS.

One column wide enough for a phone; text in DejaVu Sans, which has Vietnamese.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.receiver.waterfall import Waterfall

COLUMNS = 3
MEAN_COLOUR = "#0b7285"
PEAK_COLOUR = "#ced4da"
LIMIT_COLOUR = "#c92a2a"
STATION_COLOUR = "#495057"
_TEXT_WIDTH = 46
_STYLE: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True)
class StationPanel:
    """What is drawn of a station; `distribution` is the share of time per kHz of deviation."""

    name: str
    frequency_hz: float
    rated_deviation_hz: float
    distribution: Sequence[float]
    lines: Sequence[str]


@dataclass(frozen=True)
class BandPicture:
    """Everything that is drawn of a reception; without a waterfall (`mpx:`) only the stations."""

    title: str
    centre_hz: float
    waterfall: Waterfall | None
    stations: Sequence[StationPanel]


def reception_png(picture: BandPicture) -> bytes:
    """Return the picture as PNG."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    band = picture.waterfall is not None and not picture.waterfall.empty
    rows = -(-len(picture.stations) // COLUMNS)
    heights = ([2.4, 2.6] if band else []) + [2.3] * rows
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10.0, max(sum(heights), 2.5)), layout="constrained", dpi=110)
        FigureCanvasAgg(figure)
        figure.suptitle(picture.title, fontsize=11, x=0.01, ha="left")
        grid = figure.add_gridspec(len(heights), COLUMNS, height_ratios=heights)
        if band:
            spectrum = figure.add_subplot(grid[0, :])
            draw_spectrum(spectrum, picture)
            draw_waterfall(figure.add_subplot(grid[1, :], sharex=spectrum), picture)
        first = 2 if band else 0
        for number, station in enumerate(picture.stations):
            place = grid[first + number // COLUMNS, number % COLUMNS]
            draw_station(figure.add_subplot(place), station)
        data = io.BytesIO()
        figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def band_png(picture: BandPicture) -> bytes:
    """Return spectrum and waterfall as PNG, as wide as a phone."""

    def draw(figure: Any) -> None:
        spectrum, waterfall = figure.subplots(2, 1, sharex=True)
        draw_spectrum(spectrum, picture)
        draw_waterfall(waterfall, picture)

    return _phone_png(draw, 4.2)


def station_png(station: StationPanel) -> bytes:
    """Return the deviation of one station as PNG, as wide as a phone."""
    return _phone_png(lambda figure: draw_station(figure.subplots(), station), 2.3)


def _phone_png(draw: Callable[[Any], None], height: float) -> bytes:
    """Draw 3.3 inches wide: on a phone of 360 px a point is then about a pixel and a half."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(3.3, height), layout="constrained", dpi=220)
        FigureCanvasAgg(figure)
        draw(figure)
        data = io.BytesIO()
        figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def draw_spectrum(axes: Any, picture: BandPicture) -> None:
    """Draw mean and highest power per bin, and where the stations are."""
    waterfall = picture.waterfall
    assert waterfall is not None
    mean, peak = waterfall.mean_db(), waterfall.peak_db()
    mhz = _column_mhz(picture, len(mean))
    axes.plot(mhz, peak, color=PEAK_COLOUR, linewidth=0.8)
    axes.plot(mhz, mean, color=MEAN_COLOUR, linewidth=1.0)
    axes.set_ylim(float(np.percentile(mean, 1)) - 6.0, float(peak.max()) + 14.0)
    axes.set_xlim(mhz[0], mhz[-1])
    axes.set_ylabel("dBFS per bin\n(grey: highest)")
    axes.grid(visible=True, alpha=0.25)
    top = axes.get_ylim()[1]
    for number, station in enumerate(picture.stations):
        axes.axvline(station.frequency_hz / 1e6, color=STATION_COLOUR, linewidth=0.6, alpha=0.5)
        axes.annotate(
            station.name[:14],
            (station.frequency_hz / 1e6, top - (1.5 + 4.0 * (number % 2))),
            ha="center",
            va="top",
            fontsize=7.5,
            color=STATION_COLOUR,
        )


def draw_waterfall(axes: Any, picture: BandPicture) -> None:
    """Draw power over frequency and time, oldest at the top."""
    waterfall = picture.waterfall
    assert waterfall is not None
    rows = waterfall.rows_db()
    mhz = _column_mhz(picture, rows.shape[1])
    low, high = np.percentile(rows, [5, 99.8])
    axes.imshow(
        rows,
        aspect="auto",
        cmap="viridis",
        vmin=low,
        vmax=max(high, low + 1.0),
        extent=(mhz[0], mhz[-1], waterfall.seconds, 0.0),
        interpolation="nearest",
    )
    axes.set_ylabel("time (s)")
    axes.set_xlabel("frequency (MHz)" if picture.centre_hz else "from the centre (MHz)")
    axes.ticklabel_format(axis="x", useOffset=False)


def draw_station(axes: Any, station: StationPanel) -> None:
    """Draw how much of the time each kilohertz of deviation takes, and say what RDS says."""
    share = np.asarray(station.distribution, np.float64)
    rated_khz = station.rated_deviation_hz / 1e3
    width = max(rated_khz * 1.5, 80.0)
    if len(share):
        highest = np.flatnonzero(share)
        width = max(width, float(highest[-1]) + 5.0 if len(highest) else 0.0)
        khz = np.arange(len(share)) + 0.5
        over = khz > rated_khz
        axes.bar(khz[~over], share[~over] * 100.0, width=1.0, color=MEAN_COLOUR)
        axes.bar(khz[over], share[over] * 100.0, width=1.0, color=LIMIT_COLOUR)
    axes.set_yscale("log")
    # Decades above 100 % leave room for what is written there.
    axes.set_ylim(1e-4, 1e6 if station.lines else 300.0)
    axes.set_yticks([1e-4, 1e-2, 1.0, 100.0], ["0.0001", "0.01", "1", "100"])
    axes.minorticks_off()
    axes.set_xlim(0.0, width)
    axes.plot([rated_khz] * 2, [1e-4, 100.0], color=LIMIT_COLOUR, linewidth=0.9, linestyle="--")
    axes.set_title(f"{station.name}  {station.frequency_hz / 1e6:.2f} MHz", fontsize=9, loc="left")
    axes.set_ylabel("% of time")
    axes.set_xlabel("deviation (kHz)")
    text = "\n".join(_shortened(line) for line in station.lines)
    axes.text(
        0.98,
        0.97,
        text,
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=7,
        parse_math=False,
    )


def station_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return what is written beside a station's deviation, from its summary."""
    from loa.tables import number

    peak = summary.get("peak_deviation_hz")
    lines = [
        (
            f"peak {number(None if peak is None else peak / 1e3, 1)} kHz"
            f"  MPX {number(summary.get('mpx_power_dbr'), 1)} dBr"
        ),
        (
            f"C/N {number(summary.get('cn_db'), 0)} dB"
            f"  {number(summary.get('loudness_integrated_lufs'), 1)} LUFS"
        ),
    ]
    if summary.get("pi"):
        lines.append(f"PI {summary['pi']}  PS {summary.get('ps') or '–'}")
    if summary.get("rt"):
        lines.append(str(summary["rt"]))
    return lines


def _column_mhz(picture: BandPicture, columns: int) -> Any:
    assert picture.waterfall is not None
    half = picture.waterfall.rate_hz / 2.0
    return (picture.centre_hz + np.linspace(-half, half, columns)) / 1e6


def _shortened(line: str) -> str:
    plain = "".join(c if c.isprintable() else " " for c in line).rstrip()
    return plain if len(plain) <= _TEXT_WIDTH else plain[: _TEXT_WIDTH - 1] + "…"
