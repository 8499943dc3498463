"""A threat table names tests: they must exist, or the table promises what nobody holds."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLES = sorted((ROOT / "docs" / "reference").glob("threats*.md"))
NAME = re.compile(r"`(?:(tests/[\w/]+\.py|test_\w+\.py)::)?(test_\w+)`")
PATH = re.compile(r"`((?:tests/)?[\w/]*test_\w+\.py|tests/[\w/]+)`")


def defined():
    """Where every test is defined."""
    found = {}
    for path in (ROOT / "tests").rglob("*.py"):
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found.setdefault(name, []).append(path)
    return found


def test_every_test_that_a_threat_table_names_is_there():
    tests = defined()
    named = 0
    for table in TABLES:
        text = table.read_text(encoding="utf-8")
        for file, name in NAME.findall(text):
            named += 1
            assert name in tests, f"{table.name}: no test is called {name}"
            assert not file or any(str(path).endswith(file) for path in tests[name]), (file, name)
        for path in PATH.findall(text):
            there = (ROOT / path).exists() or list((ROOT / "tests").rglob(Path(path).name))
            assert there, f"{table.name}: {path}"
    assert named > 40
