"""Measures files: decode in the sandbox, meter block by block, tell the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from dsp.errors import Refusal
from dsp.measure.programme import ProgrammeMeter
from ingest.decode.decoder import Decoder
from loa import reporting
from loa.progress import Progress
from loa.tables import figures_table, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dsp.measure.figures import ProgrammeFigures

MONO_AS = ("dual-mono", "mono")


def measure_file(
    decoder: Decoder,
    path: Path,
    *,
    mono_as: str = "dual-mono",
    advance: Callable[[float], None] | None = None,
) -> ProgrammeFigures:
    """Decode `path` and measure it; `advance` hears how many seconds more were done."""
    with decoder.open(path) as audio:
        rate_hz, channels = audio.format.sample_rate_hz, audio.format.channels
        meter = ProgrammeMeter(
            rate_hz, channels, mono_as=cast("Literal['mono', 'dual-mono']", mono_as)
        )
        for block in audio.blocks():
            meter.process(block)
            if advance:
                advance(len(block) / rate_hz)
    return meter.result()


def measure_files(files: Sequence[Path], *, mono_as: str, as_json: bool) -> int:
    """Measure each file in turn and print its figures; return the exit code of the command."""
    if mono_as not in MONO_AS:
        raise Refusal(
            "usage", expected=" or ".join(MONO_AS), got=mono_as, advice="--mono-as dual-mono"
        )
    exit_code = 0
    rows = []
    with Decoder(files=files) as decoder, Progress() as progress:
        for path in files:
            try:
                advance = progress.start(path.name)
                figures = measure_file(decoder, path, mono_as=mono_as, advance=advance)
            except (Refusal, OSError) as error:
                refusal = error if isinstance(error, Refusal) else reporting.refusal_of(error)
                exit_code = exit_code or refusal.exit_code
                reporting.print_refusal(refusal, as_json=as_json)
                continue
            if as_json:
                reporting.print_json("measure", {"file": str(path), **figures.as_dict()})
            else:
                rows.append((path.name, figures))
    if rows:
        print_table(figures_table(rows))
    return exit_code
