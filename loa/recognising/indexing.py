"""The work of `loa index`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from ingest.reference.sound import print_file, sha256_of
from ingest.reference.store import Source, open_store
from loa import reporting
from loa.progress import Progress


def add_files(folder: Path, files: Sequence[Path], *, name: str | None, as_json: bool) -> int:
    """Add each file under its id; nothing is added if one of them cannot be read."""
    if name is not None and len(files) != 1:
        raise Refusal(
            "usage",
            expected="one file with --id",
            got=f"{len(files)} files",
            advice="one call for each, or no --id",
        )
    references = []
    with Decoder(files=files) as decoder, Progress() as progress:
        for path in files:
            progress.start(path.name)
            prints, seconds = print_file(decoder, path)
            # Whole, so that it is found from any folder: the second opinion asks for the sound.
            source = Source(str(path.absolute()), sha256_of(path), round(seconds, 3))
            references.append((name or path.stem, prints, source))
    with open_store(folder, create=True, write=True) as store:
        store.add(references)
    for reference, _, source in references:
        _tell(folder, "added", reference, source, as_json=as_json)
    return 0


def remove_ids(folder: Path, ids: Sequence[str], *, as_json: bool) -> int:
    """Remove references by id."""
    with open_store(folder, write=True) as store:
        sources = dict(store.sources)
        store.remove(list(ids))
    for reference in dict.fromkeys(ids):
        _tell(folder, "removed", reference, sources[reference], as_json=as_json)
    return 0


def list_index(folder: Path, *, as_json: bool) -> int:
    """Print every reference."""
    with open_store(folder) as store:
        for reference in store.index.ids:
            _tell(folder, "listed", reference, store.sources[reference], as_json=as_json)
        if not len(store.index):
            reporting.note(f"{folder}: no references")
    return 0


def check_index(folder: Path, *, as_json: bool) -> int:
    """Read and check all of the index; a refusal says what is wrong with it."""
    with open_store(folder) as store:
        count = len(store.index)
        seconds = sum(source.duration_s for source in store.sources.values())
        size = store.index.memory_bytes
    if as_json:
        fields = {"index": str(folder), "references": count, "seconds": seconds, "bytes": size}
        reporting.print_json("index", {"is": "checked", **fields})
    else:
        sys.stdout.write(
            f"{folder}: whole, {count} references, {_length(seconds)}, {size / 1e6:.2g} MB\n"
        )
    return 0


def _length(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds < 3600.0 else f"{seconds / 3600:.1f} h"


def _tell(folder: Path, what: str, reference: str, source: Source, *, as_json: bool) -> None:
    if as_json:
        fields = {
            "index": str(folder),
            "reference": reference,
            "duration_s": source.duration_s,
            "source": source.path,
            "sha256": source.sha256,
        }
        reporting.print_json("index", {"is": what, **fields})
    else:
        sys.stdout.write(f"{what:8} {reference}  {source.duration_s:.1f} s  {source.path}\n")
