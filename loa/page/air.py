"""The section of the demo's page about the air: what three transmitters sent and what was heard.

Names and texts off the air were written by strangers: everything is escaped.
"""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from loa.radio.table import plain, scaled
from loa.tables import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loa.demo.air_demonstration import AirReport
    from loa.demo.air_programme import Programme
    from loa.demo.air_verdict import Heard

# key of `Heard.heard`, key of the words, unit, divisor, decimals
ROWS: tuple[tuple[str, str, str, float, int], ...] = (
    ("peak_deviation_hz", "peak_deviation", "kHz", 1e3, 1),
    ("mpx_power_dbr", "mpx_power", "dBr", 1.0, 1),
    ("pilot_hz", "pilot", "kHz", 1e3, 2),
    ("rds_hz", "rds_level", "kHz", 1e3, 2),
    ("loudness_lufs", "integrated_lufs", "LUFS", 1.0, 1),
)


def pictures(report: AirReport) -> str:
    """Hold the pictures as text that the sections of all languages share."""
    named = {"band": report.band_png} | {
        f"deviation-{k}": png for k, png in enumerate(report.station_pngs)
    }
    return "".join(
        f'<script type="text/plain" id="picture-{name}">data:image/png;base64,'
        f"{base64.b64encode(png).decode()}</script>"
        for name, png in named.items()
    )


def air_section(words: Mapping[str, str], report: AirReport) -> str:
    """Return the section in one language."""
    stations = "".join(
        station(words, heard, number) for number, heard in enumerate(report.stations)
    )
    return (
        f'<section class="air"><h2>{escape(words["air_title"])}</h2>'
        f"<p>{escape(words['air_lead'])}</p>"
        + picture("band", words["band_caption"])
        + f'<p class="note">{escape(words["deviation_caption"])}</p></section>'
        f'<div class="cards">{stations}</div>'
    )


def picture(name: str, caption: str) -> str:
    """Return a picture with its caption below."""
    return (
        f'<div class="plot"><img alt="{escape(caption)}" data-picture="picture-{name}"></div>'
        f'<p class="note">{escape(caption)}</p>'
    )


def station(words: Mapping[str, str], heard: Heard, place: int) -> str:
    """Return the card of one transmitter: verdicts, figures, RDS, deviation."""
    mhz = f"{heard.frequency_hz / 1e6:.2f} MHz"
    alt = f"{words['peak_deviation']}: {heard.commune}"
    proof = "proved" if heard.holds else "not_proved"
    return (
        f"<section><h2>{escape(heard.commune)} · {mhz}</h2>"
        + "".join(f'<p class="{mark}">{escape(line)}</p>' for mark, line in verdicts(words, heard))
        + programme_line(words, heard.programme)
        + figures(words, heard)
        + f'<p class="note file">RadioText: {escape(radiotext(heard))}</p>'
        + f'<div class="plot"><img alt="{escape(alt)}" data-picture="picture-deviation-{place}">'
        f'</div><p class="note">{escape(words[proof])}</p></section>'
    )


def radiotext(heard: Heard) -> str:
    """Return the RadioText whole, printable; a dash for none."""
    return "".join(c if c.isprintable() else " " for c in heard.radiotext) or "–"


def verdicts(words: Mapping[str, str], heard: Heard) -> list[tuple[str, str]]:
    """Return what an officer must know: "pass" or "fail", and the sentence."""
    peak_hz = heard.heard["peak_deviation_hz"]
    return [
        (
            "fail",
            words[notice.kind].format(
                start=notice.start_s,
                end=notice.end_s,
                peak=number(scaled(peak_hz, 1e3), 0),
                limit=number(scaled(heard.limit_hz, 1e3), 0),
            ),
        )
        for notice in heard.notices
    ] + alarms(words, heard) or [("pass", words["air_good"])]


def alarms(words: Mapping[str, str], heard: Heard) -> list[tuple[str, str]]:
    """Return the alarms of the watch."""
    if heard.programme is None:
        return []
    return [
        (
            "fail",
            words["alarm"].format(
                told=alarm.told_s,
                start=alarm.began_s,
                what=words.get(f"alarm_{alarm.state}", alarm.finding),
            ),
        )
        for alarm in heard.programme.alarms
    ]


def programme_line(words: Mapping[str, str], programme: Programme | None) -> str:
    """Return what was broadcast, how late and how complete; nothing where nobody listened."""
    if programme is None:
        return ""
    share, late = programme.completeness_percent, programme.delay
    said = words["bulletin_heard"] if programme.reference else words["not_recognised"]
    told = "–"
    if late.invalid is None and late.value is not None and late.u is not None:
        told = f"{number(1e3 * late.value, 1)} ± {number(1e3 * late.u, 1)} ms"
    parts = (
        (words["broadcasts"], said),
        (words["heard_later"], told),
        (words["complete"], f"{number(share, 0)} %"),
    )
    lines = "<br>".join(
        f"{escape(heading)}: <strong>{escape(text)}</strong>" for heading, text in parts
    )
    return f"<p>{lines}</p>"


def figures(words: Mapping[str, str], heard: Heard) -> str:
    """Return the table of what was heard beside what is true."""
    rows = ""
    for key, word, unit, divisor, decimals in ROWS:
        hint = ""
        if key == "peak_deviation_hz":
            limit = number(scaled(heard.limit_hz, divisor), 0)
            hint = f' <span class="note">({escape(words["ceiling"])} {limit})</span>'
        cells = [number(scaled(side[key], divisor), decimals) for side in (heard.heard, heard.true)]
        rows += row(f"{escape(words[word])}{hint}", cells, unit)
    for key, word in (("pi", "station_code"), ("ps", "station_name")):
        cells = [plain(side[key]) for side in (heard.heard, heard.true)]
        rows += row(escape(words[word]), cells, "")
    return (
        f'<table><tr><th></th><th scope="col">{escape(words["heard"])}</th>'
        f'<th scope="col">{escape(words["true"])}</th><th></th></tr>{rows}</table>'
    )


def row(heading: str, cells: list[str], unit: str) -> str:
    """Return one row; `heading` is HTML already."""
    told = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row">{heading}</th>{told}<td>{unit}</td></tr>'
