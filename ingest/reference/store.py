"""The reference index on disk: a folder that is whole at every moment.

    manifest.json     which segment files there are, which of their references are removed, and
                      what each reference was made of; with its own checksum
    NAME.segment      see `segment_file`; never changed
    lock              held by whoever writes

A change writes new segment files and sees them on the disk, then replaces the manifest by one
rename, then deletes what no manifest names any more. A power cut leaves the old index or the new
one; files that belong to neither are deleted by the next change.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsp.errors import Refusal
from dsp.recognise.fingerprint import Prints
from dsp.recognise.reference_index import ReferenceIndex
from dsp.recognise.segment import Segment
from ingest.reference.segment_file import (
    VERSION,
    damaged,
    other_version,
    read_segment,
    truncated,
    write_segment,
)

MANIFEST = "manifest.json"
SCHEMA = f"loa.index/{VERSION}"
_LARGEST_MANIFEST = 256 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """What a reference was made of.

    Parameters
    ----------
    path
        The audio file, as it was named.
    sha256
        Of its bytes.
    duration_s
        Of its sound.
    """

    path: str
    sha256: str
    duration_s: float


class IndexStore:
    """An index in a folder; open it with `open_store`.

    Attributes
    ----------
    index
        To search in; change it through this class only.
    sources
        What each reference was made of, by id.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = ReferenceIndex()
        self.sources: dict[str, Source] = {}
        self._files: dict[int, tuple[Segment, str]] = {}

    def add(self, references: list[tuple[str, Prints, Source]]) -> None:
        """Add references, all or none, durably.

        Raises
        ------
        Refusal
            "index.duplicate" if an id is taken.
        """
        names = [name for name, _, _ in references]
        seen: set[str] = set()
        for name in names:
            if name in self.index or name in seen:
                raise Refusal(
                    "index.duplicate",
                    expected="ids that are not in the index",
                    got=f"{name!r}, which is there",
                    advice=f"--id with another name, or `loa index remove {self.folder} {name}`",
                )
            seen.add(name)
        self.index.add_many([(name, prints) for name, prints, _ in references])
        self.sources.update({name: source for name, _, source in references})
        self.save()

    def remove(self, names: list[str]) -> None:
        """Remove references, all or none, durably.

        Raises
        ------
        Refusal
            "index.unknown" if there is none of an id.
        """
        for name in names:
            if name not in self.index:
                raise Refusal(
                    "index.unknown",
                    expected="an id that is in the index",
                    got=repr(name),
                    advice=f"`loa index list {self.folder}`",
                )
        for name in dict.fromkeys(names):
            self.index.remove(name)
            del self.sources[name]
        self.save()

    def save(self) -> None:
        """Bring the folder to the state of the index."""
        entries = []
        files = {}
        for segment, alive in self.index.segments:
            known = self._files.get(id(segment))
            if known is None:
                name = f"{secrets.token_hex(8)}.segment"
                write_segment(self.folder / name, segment)
                known = segment, name
            files[id(segment)] = known
            entries.append({"file": known[1], "removed": np.flatnonzero(~alive).tolist()})
        body = {
            "schema": SCHEMA,
            "segments": entries,
            "references": {name: asdict(self.sources[name]) for name in sorted(self.sources)},
        }
        _sync_folder(self.folder)
        _replace(self.folder / MANIFEST, _signed(body))
        self._files = files
        self._sweep()

    def _sweep(self) -> None:
        """Delete what no manifest names."""
        named = {name for _, name in self._files.values()}
        for path in self.folder.iterdir():
            if path.suffix in (".segment", ".new") and path.name not in named:
                path.unlink(missing_ok=True)

    def read(self) -> None:
        """Read the folder; all of it is checked.

        Raises
        ------
        Refusal
            "index.not_an_index", "index.truncated", "index.damaged", "index.version".
        """
        body = _read_manifest(self.folder / MANIFEST)
        segments, removed = [], []
        for entry in _entries(self.folder, body):
            path = self.folder / entry["file"]
            try:
                segment = read_segment(path)
            except FileNotFoundError:
                raise truncated(path, "no such file") from None
            segments.append(segment)
            removed.append(entry["removed"])
            self._files[id(segment)] = segment, entry["file"]
        self.index = ReferenceIndex()
        for segment, numbers in zip(segments, removed, strict=True):
            if any(not 0 <= n < len(segment.ids) for n in numbers):
                raise damaged(self.folder / MANIFEST, "a removed reference that never was")
            gone = set(numbers)
            living = [name for n, name in enumerate(segment.ids) if n not in gone]
            if any(name in self.index for name in living) or len(set(living)) < len(living):
                raise damaged(self.folder / MANIFEST, "a reference that is there twice")
            self.index.restore(segment, gone)
        self.sources = _sources(self.folder, body)
        if set(self.sources) != set(self.index.ids):
            raise damaged(self.folder / MANIFEST, "references that are not in its segments")


@contextlib.contextmanager
def open_store(folder: Path, *, create: bool = False, write: bool = False) -> Iterator[IndexStore]:
    """Open the index in `folder`; with `write`, nobody else may change it meanwhile.

    Raises
    ------
    Refusal
        Of `IndexStore.read`; "index.busy" while another process writes.
    """
    if create and not (folder.exists() and not folder.is_dir()):
        folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / MANIFEST
    if not folder.is_dir() or not (create or manifest.exists()):
        raise not_an_index(folder)
    if create and not manifest.exists() and any(p.name != "lock" for p in folder.iterdir()):
        leftovers = {p.suffix for p in folder.iterdir() if p.name != "lock"}
        if not leftovers <= {".segment", ".new"}:
            raise not_an_index(folder)
    store = IndexStore(folder)
    with _locked(folder) if write else contextlib.nullcontext():
        if manifest.exists():
            store.read()
        yield store


def is_index(path: Path) -> bool:
    """Tell whether `path` is a folder with a manifest."""
    return (path / MANIFEST).is_file()


def not_an_index(folder: Path) -> Refusal:
    """Refuse a folder that holds something else."""
    return Refusal(
        "index.not_an_index",
        expected="a folder made by `loa index add`",
        got=str(folder),
        advice="checking the path; `loa index add FOLDER FILE…` makes one where nothing is yet",
    )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(
                "index.busy",
                expected="an index that nobody else is changing",
                got=str(folder),
                advice="again when the other `loa index` has ended",
                exit_code=4,
            ) from None
        yield


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _signed(body: dict[str, Any]) -> bytes:
    digest = hashlib.sha256(_canonical(body)).hexdigest()
    return json.dumps({**body, "sha256": digest}, ensure_ascii=False, indent=1).encode()


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_manifest(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST_MANIFEST:
        raise damaged(path, "more bytes than any manifest has")
    try:
        body = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise damaged(path, "something that is no JSON: it ends early or was changed") from None
    if not isinstance(body, dict):
        raise damaged(path, "no object")
    digest = body.pop("sha256", None)
    if digest != hashlib.sha256(_canonical(body)).hexdigest():
        raise damaged(path, "a checksum that does not fit: it ends early or was changed")
    if body.get("schema") != SCHEMA:
        raise other_version(path, repr(body.get("schema")))
    return body


def _entries(folder: Path, body: dict[str, Any]) -> list[dict[str, Any]]:
    entries = body.get("segments")
    good = isinstance(entries, list) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("file"), str)
        and Path(entry["file"]).name == entry["file"]
        and isinstance(entry.get("removed"), list)
        and all(isinstance(n, int) for n in entry["removed"])
        for entry in entries
    )
    if not good:
        raise damaged(folder / MANIFEST, "segments that are no list of files")
    assert isinstance(entries, list)
    return entries


def _sources(folder: Path, body: dict[str, Any]) -> dict[str, Source]:
    try:
        return {name: Source(**entry) for name, entry in body["references"].items()}
    except (KeyError, TypeError, AttributeError):
        raise damaged(folder / MANIFEST, "references that are no list of sources") from None
