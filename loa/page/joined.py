"""The section of the demo's page about the relay: IP and FM horns side by side."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from loa.tables import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loa.demo.joined.report import HornReport, JoinedReport


def joined_section(words: Mapping[str, str], report: JoinedReport) -> str:
    """Return the section in one language."""
    heads = "".join(f'<th scope="col">{escape(heading(words, one))}</th>' for one in report.horns)
    rows = (
        (
            "relay_says",
            [words["yes"] if one.says_bulletin else words["no"] for one in report.horns],
        ),
        ("relay_late", [late_ms(one) for one in report.horns]),
        ("integrated_lufs", [number(one.loudness_lufs, 1) for one in report.horns]),
        ("relay_alert", [number(one.alert_s, 2) for one in report.horns]),
        ("relay_forged", [forged(words, one) for one in report.horns]),
    )
    body = "".join(
        f'<tr><th scope="row">{escape(words[key])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for key, cells in rows
    )
    return (
        f'<section class="relay"><h2>{escape(words["relay_title"])}</h2>'
        f"<p>{escape(words['relay_lead'])}</p>"
        f'<p class="{"pass" if report.holds else "fail"}">{escape(verdict(words, report))}</p>'
        f'<div class="wide"><table><tr><th></th>{heads}</tr>{body}</table></div></section>'
    )


def heading(words: Mapping[str, str], one: HornReport) -> str:
    """Return what a horn is called."""
    return words["relay_fm"] if one.path == "FM" else f"IP {one.name.rpartition('-')[2]}"


def verdict(words: Mapping[str, str], report: JoinedReport) -> str:
    """Say in one sentence what an officer must know."""
    if not report.holds:
        return words["relay_bad"]
    return words["relay_good"].format(apart=number(report.apart_ms, 1))


def late_ms(one: HornReport) -> str:
    """Return how much later than the first horn it spoke."""
    if one.late.invalid is not None or one.late.value is None or one.late.u is None:
        return "–"
    if one.late.u == 0.0:
        return "0"
    late = round(1e3 * one.late.value, 1) or 0.0  # no minus before nought
    return f"{late:.1f} ± {1e3 * one.late.u:.1f}"


def forged(words: Mapping[str, str], one: HornReport) -> str:
    """Return what became of the forged announcement."""
    return words["no"] if one.refused is None else words["relay_refused"]
