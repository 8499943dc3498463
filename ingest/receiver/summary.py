"""The figures of a station over a whole reception, and when what was found.

Levels, injections and offsets are means of the valid seconds; a mean is no better known than one of
its seconds, because what limits them (filters, the noise that was taken off) stays the same. The
peak is the highest held, MPX power that of the last full window, loudness integrated since the last
gap. All is bounded: sums and one row a finding.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.receive.meters.figure import Figure
from ingest.receiver.records import figure_fields, rounded

if TYPE_CHECKING:
    from dsp.fm.profiles import FmProfile
    from dsp.receive.second_record import SecondRecord
    from ingest.receiver.gaps import Gaps
    from ingest.receiver.stations import Station

MEANS = (
    "level_dbfs",
    "cn_db",
    "pilot_hz",
    "pilot_frequency_hz",
    "rds_hz",
    "rds_unmodulated_hz",
    "offset_hz",
    "offset_ppm",
    "occupied_bandwidth_hz",
    "bandwidth_26db_hz",
    "multipath_share",
    "co_channel_share",
    "balance_db",
    "correlation",
)
HIGHEST = ("peak_deviation_hz", "loudness_momentary_lufs")
LAST = ("mpx_power_dbr", "over_limit_share", "loudness_integrated_lufs", "mask_margin_db")
MOST_FINDINGS = 1_000
_TOO_SHORT = "no whole second"


class _Running:
    """Sums of one figure."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.u = 0.0
        self.reason: str | None = None

    def add(self, figure: Figure) -> None:
        if figure.invalid is not None or figure.value is None:
            self.reason = figure.invalid
            return
        self.count += 1
        self.total += figure.value
        self.u += figure.u or 0.0

    def mean(self) -> Figure:
        if not self.count:
            return Figure.missing(self.reason or _TOO_SHORT)
        return Figure(self.total / self.count, self.u / self.count)


class Summary:
    """Collects the seconds of one station."""

    def __init__(self, station: Station, profile: FmProfile) -> None:
        self._station = station
        self._profile = profile
        self._means = {key: _Running() for key in MEANS}
        self._kept: dict[str, Figure] = {}
        self._phase = 0j
        self._phase_u = _Running()
        self._distribution = np.zeros(0, np.int64)
        self._findings: list[dict[str, Any]] = []
        self._dtmf: list[dict[str, Any]] = []
        self._seconds = self._valid_seconds = 0
        self._first_time: str | None = None
        self._last: dict[str, Any] = {}

    def add(self, record: SecondRecord, line: dict[str, Any]) -> None:
        """Take a second: the record of the meters and the line made of it."""
        self._seconds += 1
        self._valid_seconds += record.figures["peak_deviation_hz"].invalid is None
        self._first_time = self._first_time or line["time"]
        self._last = line
        for key, running in self._means.items():
            running.add(record.figures[key])
        for key in HIGHEST:
            self._keep(key, record.figures[key], highest=True)
        for key in LAST:
            self._keep(key, record.figures[key], highest=False)
        self._add_phase(record.figures["rds_phase_deg"])
        if record.distribution is not None and record.figures["peak_deviation_hz"].invalid is None:
            if not len(self._distribution):
                self._distribution = np.zeros_like(record.distribution)
            self._distribution += record.distribution
        for kind in line["findings"]:
            self._find(kind, line)
        if line["dtmf"]:
            self._dtmf.append({"time": line["time"], "digits": line["dtmf"]})
            del self._dtmf[:-MOST_FINDINGS]

    def as_dict(self, rds: dict[str, Any], gaps: Gaps) -> dict[str, Any]:
        """Return the closing line; `rds` is the state of the station at the end."""
        figures = {key: running.mean() for key, running in self._means.items()}
        for key in (*HIGHEST, *LAST):
            figures[key] = self._kept.get(key, Figure.missing(_TOO_SHORT))
        figures["rds_phase_deg"] = self._mean_phase()
        stated = figure_fields(figures)
        total = int(self._distribution.sum())
        share = self._distribution / total if total else self._distribution
        last = np.flatnonzero(self._distribution)
        used = int(last[-1]) + 1 if len(last) else 0
        return {
            "summary": True,
            "time": self._first_time,
            "station": self._station.id,
            "commune": self._station.commune,
            "frequency_hz": self._station.frequency_hz,
            "profile": self._profile.name,
            "rated_deviation_hz": self._profile.rated_deviation_hz,
            "seconds": self._seconds,
            "valid_seconds": self._valid_seconds,
            **stated["values"],
            "over_limit_share_upper": self._last.get("over_limit_share_upper"),
            "mpx_window_s": self._last.get("mpx_window_s", 0),
            "deviation_histogram": [rounded("share", float(v)) for v in share[:used]],
            **rds,
            "dtmf": self._dtmf,
            "findings": list(dict.fromkeys(entry["kind"] for entry in self._findings)),
            "finding_times": self._findings,
            "missing_samples": gaps.total_samples,
            "gaps": gaps.count,
            "u": stated["u"],
            "invalid": stated["invalid"],
        }

    def _keep(self, key: str, figure: Figure, *, highest: bool) -> None:
        kept = self._kept.get(key)
        if figure.invalid is not None:
            if kept is None or kept.invalid is not None:
                self._kept[key] = figure
            return
        lower = highest and kept is not None and kept.invalid is None
        if not lower or (figure.value or 0.0) > (kept.value or 0.0 if kept else 0.0):
            self._kept[key] = figure

    def _add_phase(self, figure: Figure) -> None:
        """A phase is known modulo 180°: its mean is that of the doubled angle."""
        self._phase_u.add(figure)
        if figure.invalid is None and figure.value is not None:
            angle = math.radians(2.0 * figure.value)
            self._phase += complex(math.cos(angle), math.sin(angle))

    def _mean_phase(self) -> Figure:
        mean = self._phase_u.mean()
        if mean.invalid is not None:
            return mean
        degrees = math.degrees(math.atan2(self._phase.imag, self._phase.real)) / 2.0
        return Figure((degrees + 45.0) % 180.0 - 45.0, mean.u)

    def _find(self, kind: str, line: dict[str, Any]) -> None:
        """Lengthen the finding of that kind if it held a second ago; begin another otherwise."""
        for entry in reversed(self._findings):
            if entry["kind"] == kind:
                if entry["second"] + entry["seconds"] == line["second"]:
                    entry["seconds"] += 1
                    return
                break
        if len(self._findings) < MOST_FINDINGS:
            self._findings.append(
                {"kind": kind, "time": line["time"], "second": line["second"], "seconds": 1}
            )
