"""`loa demo`: the main job on the bulletin that ships with Loa, on the air too; and a page."""

from __future__ import annotations

import shutil
from pathlib import Path

from ingest.decode.decoder import Decoder
from loa import reporting
from loa.bulletin import MasterReport, MasterRequest, master_bulletin
from loa.demo.air_demonstration import STATIONS, air_table, demonstrate_air
from loa.demo.air_programme import mono_of
from loa.demo.joined.report import JoinedReport, demonstrate_joined, joined_table
from loa.mastering import plot_report, write_text
from loa.page.bulletin import Card, bulletin_page
from loa.progress import Progress
from loa.tables import figures_table, print_table, renditions_table
from transmit.atomic import failures_refused
from transmit.profile import load_profile

EXAMPLES = Path(__file__).parents[2] / "examples"
BULLETIN = EXAMPLES / "bulletin-vi.flac"
SCENE = EXAMPLES / "scenes" / "demo.toml"  # of the FM master, which it expects beside it
KNOWN = EXAMPLES / "scenes" / "demo-stations.toml"
# Of each target what is really sent; the first one is what the page plays.
RENDITIONS = {
    "ip": ("bulletin-ip.mp3", "bulletin-ip.opus", "bulletin-ip.g722"),
    "fm": ("bulletin-fm.flac",),
    "web": ("bulletin-web.m4a", "bulletin-web.mp3"),
}


def run_demo(folder: Path, *, as_json: bool, through_relay: bool = True) -> int:
    """Do the main job into `folder`; return the exit code of the command.

    `through_relay` adds IP and FM horns behind `loa relay`, half a minute in real time.
    """
    with failures_refused(folder):
        folder.mkdir(parents=True, exist_ok=True)
    source, scene = folder / BULLETIN.name, folder / "band.toml"
    for original, copy in ((BULLETIN, source), (SCENE, scene), (KNOWN, folder / STATIONS)):
        with failures_refused(copy):
            shutil.copyfile(original, copy)
    with Decoder() as decoder, Progress() as progress:
        reports = {}
        for target, names in RENDITIONS.items():
            outputs = tuple(folder / name for name in names)
            request = MasterRequest(source, outputs, load_profile(target))
            reports[target] = master_bulletin(request, decoder=decoder, progress=progress.step)
        cards = [card(decoder, source, target, report) for target, report in reports.items()]
        sound = mono_of(decoder, source)
        air = demonstrate_air(scene, sound, progress.step)
        joined: JoinedReport | None = None
        if through_relay:
            joined = demonstrate_joined(source, sound, progress.step)
    before = next(iter(reports.values())).before
    page = folder / "index.html"
    write_text(page, bulletin_page(source, before.as_dict(), cards, air, joined))
    if as_json:
        for report in reports.values():
            for rendition in report.renditions:
                reporting.print_json("demo", rendition.as_dict())
        for heard in air.stations:
            reporting.print_json("demo", heard.as_dict())
        if joined is not None:
            reporting.print_json("demo", joined.as_dict())
    else:
        print_table(figures_table([(source.name, before)]))
        print_table(renditions_table(list(reports.values())))
        print_table(air_table(air))
        if joined is not None:
            print_table(joined_table(joined))
        reporting.note(f"Look and listen: {page}")
    horns_hold = joined is None or joined.holds
    return 0 if air.holds and horns_hold and all(card.holds for card in cards) else 1


def card(decoder: Decoder, source: Path, target: str, report: MasterReport) -> Card:
    """Return what the page shows of one target."""
    first = report.renditions[0]
    return Card(
        target=target,
        loudness_lufs=first.profile.target.loudness_lufs,
        ceiling_dbtp=first.profile.target.ceiling_dbtp,
        renditions=[shown(rendition.as_dict()) for rendition in report.renditions],
        holds=all(rendition.holds for rendition in report.renditions),
        recording=first.output,
        plot_svg=plot_report(decoder, source, report),
    )


def shown(manifest: dict[str, object]) -> dict[str, object]:
    """Return a manifest with the file's name alone: the page moves, its folder does not."""
    return manifest | {"output": Path(str(manifest["output"])).name}
