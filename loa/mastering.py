"""`loa master`: runs the main job on one file and tells what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.decode.decoder import Decoder
from loa import reporting
from loa.bulletin import MasterRequest, master_bulletin
from loa.progress import Progress
from loa.tables import print_table, renditions_table
from transmit.atomic import OutputSet
from transmit.profile import load_profile

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from dsp.measure.figures import ProgrammeFigures
    from loa.bulletin import MasterReport
    from loa.plots import Waveform

_CELLS_PER_STEP = 10
PLOT_WORDS = {
    "waveform": "waveform",
    "loudness": "loudness over 3 s (LUFS)",
    "gain": "gain (dB)",
    "time": "time (s)",
    "before": "before",
    "after": "after",
}


def master_files(
    file: Path, outputs: tuple[Path, ...], *, target: str, plot: Path | None, as_json: bool
) -> int:
    """Master `file` to all `outputs`; return the exit code of the command."""
    profile = load_profile(target)
    with Decoder(files=(file, *outputs)) as decoder:
        with Progress() as progress:
            request = MasterRequest(file, outputs, profile)
            report = master_bulletin(request, decoder=decoder, progress=progress.step)
        if plot is not None:
            write_text(plot, plot_report(decoder, file, report, words=PLOT_WORDS))
    if as_json:
        for rendition in report.renditions:
            reporting.print_json("master", rendition.as_dict())
    else:
        print_table(renditions_table([report]))
    return 0 if all(rendition.holds for rendition in report.renditions) else 1


def write_text(path: Path, text: str) -> None:
    """Write a text file that appears whole or not at all."""
    with OutputSet([path]) as output:
        output.part(path).write_text(text, encoding="utf-8")
        output.commit()


def plot_report(
    decoder: Decoder, source: Path, report: MasterReport, *, words: dict[str, str] | None = None
) -> str:
    """Return the plot of a mastering as SVG text, from the source and the first rendition."""
    from loa.plots import UNITS_ONLY, ProgrammeTrace, mastering_svg

    first = report.renditions[0]
    after = first.proof.figures
    return mastering_svg(
        ProgrammeTrace(waveform_of(decoder, source), report.before.short_term_lufs),
        ProgrammeTrace(waveform_of(decoder, first.output), after.short_term_lufs),
        gain_trace_db(report.before, after),
        first.profile.target.loudness_lufs,
        words or UNITS_ONLY,
    )


def waveform_of(decoder: Decoder, path: Path) -> Waveform:
    """Decode a file for its waveform."""
    from loa.plots import trace_waveform

    with decoder.open(path) as audio:
        return trace_waveform(audio.blocks(), audio.format.sample_rate_hz)


def gain_trace_db(before: ProgrammeFigures, after: ProgrammeFigures) -> npt.NDArray[np.float64]:
    """Return by how much the K-weighted level was changed in every 100 ms; NaN in silence."""
    whole = min(len(before.energy_10ms), len(after.energy_10ms))
    whole -= whole % _CELLS_PER_STEP
    sums = [
        figures.energy_10ms[:whole].reshape(-1, _CELLS_PER_STEP).sum(axis=1)
        for figures in (before, after)
    ]
    heard = (sums[0] > 0) & (sums[1] > 0)
    ratio = np.divide(sums[1], sums[0], out=np.ones(len(sums[0])), where=heard)
    return np.where(heard, 10 * np.log10(ratio), np.nan)
