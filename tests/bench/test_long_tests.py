"""What the long tests said, put together; what held is not run again."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.long_tests import put_together

ROOT = Path(__file__).parents[2]
LONG_TEST = """
import json, sys
import pytest

@pytest.mark.long
@pytest.mark.parametrize("number", [1, 2])
def test_it(number, capsys):
    with capsys.disabled():
        sys.stdout.write("\\n" + json.dumps({"files": number, "most s": number}) + "\\n")

@pytest.mark.long
def test_other():
    assert %s
"""


def test_numbers_are_added_up_and_the_most_compared():
    one = {"kills": {"a": 4}, "most s": 3.0}
    other = {"kills": {"a": 4, "b": 1}, "most s": 2.5, "jobs": 7}
    whole = put_together(one, other)
    assert whole == {"kills": {"a": 8, "b": 1}, "most s": 3.0, "jobs": 7}


def ran(folder):
    return subprocess.run(
        [sys.executable, "-m", "bench.long_tests", "--kept", "kept.jsonl", "test_it.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_held_is_not_run_again(tmp_path):
    path = tmp_path / "test_it.py"
    path.write_text(LONG_TEST % False)
    done = ran(tmp_path)
    assert done.returncode == 1
    assert "assert False" in done.stderr
    assert done.stdout.startswith("2 held, 1 failed")
    assert "| files | 3 |" in done.stdout
    assert "| most s | 2 |" in done.stdout
    path.write_text(LONG_TEST % True)
    assert ran(tmp_path).stdout.startswith("3 held, 0 failed")
    lines = (tmp_path / "kept.jsonl").read_text().splitlines()
    assert len({json.loads(line)["test"] for line in lines}) == len(lines) == 3
