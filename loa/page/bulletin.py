"""The page of the main job: what came in, what goes out to each target, and whether it holds.

Everything is inside the one file, recordings and plots too: it can be mailed, put on a stick and
opened on a phone without a network.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Any

from loa.page.air import air_section, pictures
from loa.page.joined import joined_section
from loa.tables import FIGURE_ROWS, number
from loa.words import LANGUAGES, load_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from loa.demo.air_demonstration import AirReport
    from loa.demo.joined.report import JoinedReport

MEDIA_TYPES = {
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
}
SHOWN = (
    "integrated_lufs",
    "true_peak_dbtp",
    "loudness_range_lu",
    "active_speech_level_dbov",
    "noise_floor_dbfs",
    "duration_s",
)


@dataclass(frozen=True)
class Card:
    """One target on the page.

    `renditions` are manifest objects (contract.md, `loa master`); `holds` is the verdict over all
    of them; `recording` is the file that the player plays.
    """

    target: str
    loudness_lufs: float
    ceiling_dbtp: float
    renditions: Sequence[Mapping[str, Any]]
    holds: bool
    recording: Path
    plot_svg: str


def bulletin_page(
    source: Path,
    before: Mapping[str, Any],
    cards: Sequence[Card],
    air: AirReport,
    joined: JoinedReport | None = None,
) -> str:
    """Return the page as HTML text."""
    folder = resources.files(__name__.rpartition(".")[0])
    template = folder.joinpath("bulletin.html")
    # Cheap phones and plain Debian have no Khmer letters of their own.
    font = folder.joinpath("fonts", "noto-sans-khmer.woff2").read_bytes()
    words = {language: load_words(language) for language in LANGUAGES}
    buttons = "".join(
        f'<button value="{language}" aria-pressed="false">{escape(words[language]["name"])}'
        "</button>"
        for language in LANGUAGES
    )
    articles = "".join(
        article(language, words[language], before, cards, (air, joined)) for language in LANGUAGES
    )
    recordings = recording("before", source) + "".join(
        recording(card.target, card.recording) for card in cards
    )
    return Template(template.read_text(encoding="utf-8")).substitute(
        title=escape(words["vi"]["title"]),
        khmer_font=base64.b64encode(font).decode(),
        buttons=buttons,
        articles=articles + recordings + pictures(air),
    )


def recording(name: str, path: Path) -> str:
    """Hold one recording as text that the players of all languages share."""
    data = base64.b64encode(path.read_bytes()).decode()
    media_type = MEDIA_TYPES[path.suffix]
    return (
        f'<script type="text/plain" id="recording-{name}">data:{media_type};base64,{data}</script>'
    )


def article(
    language: str,
    words: Mapping[str, str],
    before: Mapping[str, Any],
    cards: Sequence[Card],
    heard: tuple[AirReport, JoinedReport | None],
) -> str:
    """Return the whole page body in one language."""
    air, joined = heard
    faults = [
        words.get(fault["kind"], fault["kind"]) for fault in before["faults"] if not fault["note"]
    ]
    found = escape(", ".join(dict.fromkeys(faults)) or words["none"])
    sections = "".join(section(words, before, card) for card in cards)
    hidden = "" if language == LANGUAGES[0] else " hidden"
    return (
        f'<article lang="{language}"{hidden}><h1>{escape(words["title"])}</h1>'
        f"<p>{escape(words['lead'])}</p>"
        f"<p>{escape(words['faults'])}: <strong>{found}</strong></p>"
        f"<p>{escape(words['listen_before'])}</p>{player('before', words['listen_before'])}"
        f'<div class="cards">{sections}</div>{air_section(words, air)}'
        f"{joined_section(words, joined) if joined is not None else ''}"
        f'<p class="note">{escape(words["footer"])}</p></article>'
    )


def player(name: str, label: str) -> str:
    """Return a player for the recording `name`."""
    return (
        f'<audio controls preload="none" data-recording="recording-{name}" '
        f'aria-label="{escape(label)}"></audio>'
    )


def section(words: Mapping[str, str], before: Mapping[str, Any], card: Card) -> str:
    """Return the card of one target: verdict, player, figures, plot, files."""
    verdict = words["passed"] if card.holds else words["failed"]
    mark = "pass" if card.holds else "fail"
    limited = any(rendition["limited_by"] for rendition in card.renditions)
    plot = base64.b64encode(card.plot_svg.encode()).decode()
    caption = escape(words["plot_caption"])
    return (
        f"<section><h2>{escape(words[card.target])}</h2>"
        f'<p class="{mark}">{escape(verdict)}</p>'
        + (f'<p class="note">{escape(words["limited"])}</p>' if limited else "")
        + player(card.target, f"{words['listen_after']}: {words[card.target]}")
        + figures(words, before, card)
        + f'<div class="plot"><img alt="{caption}" width="100%" '
        f'src="data:image/svg+xml;base64,{plot}"></div><p class="note">{caption}</p>'
        + files(words, card)
        + "</section>"
    )


def figures(words: Mapping[str, str], before: Mapping[str, Any], card: Card) -> str:
    """Return the table of the figures before and after."""
    asked = {
        "integrated_lufs": f"{words['target']} {card.loudness_lufs:g}",
        "true_peak_dbtp": f"{words['ceiling']} {card.ceiling_dbtp:g}",
    }
    after = card.renditions[0]["after"]
    rows = ""
    for key, _, unit, decimals in FIGURE_ROWS:
        if key not in SHOWN:
            continue
        hint = f' <span class="note">({escape(asked[key])})</span>' if key in asked else ""
        rows += (
            f'<tr><th scope="row">{escape(words[key])}{hint}</th>'
            f"<td>{number(before[key], decimals)}</td><td>{number(after[key], decimals)}</td>"
            f"<td>{escape(unit)}</td></tr>"
        )
    return (
        f'<table><tr><th></th><th scope="col">{escape(words["before"])}</th>'
        f'<th scope="col">{escape(words["after"])}</th><th></th></tr>{rows}</table>'
    )


def files(words: Mapping[str, str], card: Card) -> str:
    """Return the list of what was written for this target."""
    return "".join(
        f'<p class="note file">{escape(words["file"])}: {escape(str(rendition["output"]))} · '
        f"{rendition['after']['integrated_lufs']:.1f} LUFS · "
        f"{rendition['after']['true_peak_dbtp']:.1f} dBTP</p>"
        for rendition in card.renditions
    )
