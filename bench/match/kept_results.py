"""Results of a campaign, kept as they come: what was stopped goes on where it was.

    kept = KeptResults(folder / "results.jsonl", of="plan …")
    rows = kept.of("vi-fast different 104", make)      # `make` is called once, ever

A line a piece of work: its key, what it cost in CPU seconds, and its rows, plain dictionaries. The
first line names what the results are of: the plan, and every source that can change one. Results of
anything else are begun anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from bench import match
from dsp import recognise
from ingest import reference

Rows = list[dict[str, Any]]

_MADE_BY = (match, recognise, reference)


def sources() -> str:
    """Return a digest of the sources that decide what is heard, how it is judged and of what."""
    digest = hashlib.sha256()
    for room in _MADE_BY:
        folder = Path(str(room.__file__)).parent
        for path in sorted([*folder.glob("*.py"), *folder.glob("*.toml")]):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def cpu_s() -> float:
    """CPU seconds of this process and of those it waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


class KeptResults:
    """See the module.

    Parameters
    ----------
    path
        Of the file; None keeps nothing beyond this run.
    of
        What is run: its plan and size, in words.
    """

    def __init__(self, path: Path | None, of: str) -> None:
        self._path = path
        self._rows: dict[str, Rows] = {}
        self.cpu_s: dict[str, float] = {}
        head = {"of": of, "sources": sources()}
        if path is None:
            return
        whole = list(_whole_lines(path)) if path.exists() else []
        if whole and whole[0] == head:
            for line in whole[1:]:
                self._rows[line["key"]], self.cpu_s[line["key"]] = line["rows"], line["cpu_s"]
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [head, *(self._line(key) for key in self._rows)]
        part = path.with_name(f".{path.name}.part")
        part.write_text("".join(map(_text, lines)), encoding="utf-8")
        part.replace(path)

    def of(self, key: str, make: Callable[[], Iterable[dict[str, Any]]]) -> Rows:
        """Return the rows of a piece of work, made and kept if they are not there yet."""
        if key not in self._rows:
            began_s = cpu_s()
            self._rows[key] = json.loads(json.dumps(list(make())))
            self.cpu_s[key] = round(cpu_s() - began_s, 3)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(_text(self._line(key)))
        return self._rows[key]

    def _line(self, key: str) -> dict[str, Any]:
        return {"key": key, "cpu_s": self.cpu_s[key], "rows": self._rows[key]}


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file up to one that was not written to its end."""
    for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not text.endswith("\n"):
            return
        yield json.loads(text)
