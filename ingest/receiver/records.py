"""The record of a station and second, as `loa receive --json` prints it (schema loa.receive/1)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dsp.receive.second_record import FIGURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.receive.meters.figure import Figure
    from dsp.receive.second_record import SecondRecord
    from ingest.receiver.codes import CodesOfSecond
    from ingest.receiver.stations import Station

# What RDS says in every line; the rest of its state comes in the summary.
RDS_KEYS = ("pi", "ps", "rt", "pty", "bler")
_DECIMALS = 4
_SHARE_DECIMALS = 9


def second_record(
    station: Station,
    time: str,
    record: SecondRecord,
    codes: CodesOfSecond,
    missing_samples: int,
) -> dict[str, Any]:
    """Return the line of one second; `missing_samples` are of the capture."""
    stated = figure_fields(record.figures)
    return {
        "time": time,
        "second": record.second,
        "station": station.id,
        "frequency_hz": station.frequency_hz,
        **stated["values"],
        "over_limit_share_upper": rounded("share", record.over_limit_share_upper),
        "mpx_window_s": record.mpx_window_s,
        **{key: codes.state[key] for key in RDS_KEYS},
        "rds_snr_db": rounded("snr", codes.snr_db),
        "groups": codes.groups,
        "dtmf": codes.dtmf,
        "findings": [*record.findings, *codes.findings],
        "notes": list(record.notes),
        "missing_samples": missing_samples,
        "u": stated["u"],
        "invalid": stated["invalid"],
    }


def figure_fields(figures: Mapping[str, Figure]) -> dict[str, dict[str, Any]]:
    """Return `values` (null where not valid), `u` and `invalid` of figures, in the usual order."""
    ordered = {key: figures[key] for key in FIGURES if key in figures}
    valid = {key: figure for key, figure in ordered.items() if figure.invalid is None}
    return {
        "values": {
            key: rounded(key, figure.value) if figure.invalid is None else None
            for key, figure in ordered.items()
        },
        "u": {key: rounded(key, figure.u) for key, figure in valid.items()},
        "invalid": {key: f.invalid for key, f in ordered.items() if f.invalid is not None},
    }


def rounded(key: str, value: float | None) -> float | None:
    """Return a figure without digits that mean nothing; None stays, as does what is no number."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), _SHARE_DECIMALS if "share" in key else _DECIMALS)
