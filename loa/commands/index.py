"""`loa index`: references that `loa match` and the monitoring station know."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loa.commands.command_group import CommandGroup

index = CommandGroup(
    "Keep references on disk: add, remove, list, check.",
    "loa index add references bulletin-*.wav",
)
Folder = Annotated[Path, typer.Argument(metavar="INDEX", help="Folder of the index.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per reference.")]


@index.called("add")
def add(
    folder: Folder,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Audio files.")],
    name: Annotated[
        str | None, typer.Option("--id", help="Id of the reference, if there is one file.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Add audio files as references; all or none. The id is the name of the file without its end.

    Example: loa index add references bulletin.wav --id 2026-11-24-evening
    """
    from loa.recognising.indexing import add_files

    return add_files(folder, files, name=name, as_json=as_json)


@index.called("remove")
def remove(
    folder: Folder,
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Of the references.")],
    as_json: Json = False,
) -> int:
    """Remove references; all or none.

    Example: loa index remove references 2026-11-24-evening
    """
    from loa.recognising.indexing import remove_ids

    return remove_ids(folder, ids, as_json=as_json)


@index.called("list")
def list_references(folder: Folder, as_json: Json = False) -> int:
    """List the references.

    Example: loa index list references --json
    """
    from loa.recognising.indexing import list_index

    return list_index(folder, as_json=as_json)


@index.called("check")
def check(folder: Folder, as_json: Json = False) -> int:
    """Read every byte of the index, and tell whether it is whole.

    Example: loa index check references
    """
    from loa.recognising.indexing import check_index

    return check_index(folder, as_json=as_json)
