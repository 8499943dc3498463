"""The tests marked `long`, one at a time, each kept once it has held, and what all of them said.

    python -m bench.long_tests [--at-once N] [--kept FILE] [PATH …]

One that was cut off goes on where it was: what held at the same commit is not run again. A test may
say figures, as a line of JSON on standard output; those of all are put together: numbers are added
up, but those under a name that begins with `most` are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_PYTEST = (sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-m", "long")
_HERE = Path(__file__).parent
_KEPT = Path("out") / "long-tests.jsonl"
_LINES_OF_A_FAILURE = 30


def main() -> int:
    """Run what has not held yet, and print the table; the exit code is 1 if a test failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("paths", nargs="*", default=["tests"])
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--kept", type=Path, default=_KEPT)
    asked = parser.parse_args()
    commit = _output("git", "-C", str(_HERE), "describe", "--always", "--dirty").strip()
    listed = _output(*_PYTEST, "--collect-only", *asked.paths).splitlines()
    tests = [line for line in listed if "::" in line]
    held = {row["test"]: row for row in _kept(asked.kept) if row["commit"] == commit}
    asked.kept.parent.mkdir(parents=True, exist_ok=True)
    failed = 0
    with asked.kept.open("a", encoding="utf-8") as kept, ThreadPoolExecutor(asked.at_once) as pool:
        for row in pool.map(_run, [test for test in tests if test not in held]):
            if row["held"]:
                held[row["test"]] = row
                kept.write(json.dumps(row | {"commit": commit}) + "\n")
                kept.flush()
            else:
                failed += 1
                print(row["told"], file=sys.stderr)
            print(f"{len(held)} of {len(tests)} held, {failed} failed", file=sys.stderr)
    print(_table([held[test] for test in tests if test in held], failed, commit))
    return 1 if failed else 0


def _output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def _kept(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _run(test: str) -> dict[str, Any]:
    """Return how one test went, and what it said."""
    began_s = time.monotonic()
    done = subprocess.run(
        [*_PYTEST, test], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    lines = done.stdout.splitlines()
    return {
        "test": test,
        "held": done.returncode == 0,
        "took_s": round(time.monotonic() - began_s),
        "said": [json.loads(line) for line in lines if line.startswith("{")],
        "told": "\n".join(lines[-_LINES_OF_A_FAILURE:]),
    }


def put_together(one: Any, other: Any, name: str = "") -> Any:
    """Return what two tests said as one: dictionaries key by key, numbers added or compared."""
    if isinstance(one, dict):
        return {
            key: put_together(one[key], other[key], name or str(key))
            if key in one and key in other
            else {**one, **other}[key]
            for key in {**one, **other}
        }
    return max(one, other) if name.startswith("most") else one + other


def _table(rows: list[dict[str, Any]], failed: int, commit: str) -> str:
    cores = len(os.sched_getaffinity(0))
    lines = [
        f"{len(rows)} held, {failed} failed, at {commit}, cores: {cores}.",
        "",
        "| test | held | min |",
        "|---|---|---|",
    ]
    by_function: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_function.setdefault(row["test"].partition("[")[0], []).append(row)
    said: dict[str, Any] = {}
    for function, held in by_function.items():
        took_min = sum(row["took_s"] for row in held) / 60
        lines.append(f"| `{function}` | {len(held)} | {took_min:.1f} |")
        for figures in (figures for row in held for figures in row["said"]):
            said = put_together(said, figures)
    if said:
        lines += ["", "| what | figure |", "|---|---|"]
        lines += [f"| {name} | {figure} |" for name, figure in _figures(said)]
    return "\n".join(lines)


def _figures(said: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, figure in said.items():
        if isinstance(figure, dict):
            yield from _figures(figure, f"{before}{key}: ")
        else:
            yield f"{before}{key}", figure


if __name__ == "__main__":
    sys.exit(main())
