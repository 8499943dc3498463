"""A campaign that was stopped goes on; one of something else is begun anew."""

import json

import pytest

from bench.match.kept_results import KeptResults


class Work:
    """Counts how often it was done."""

    def __init__(self):
        self.done = 0

    def __call__(self):
        self.done += 1
        return [{"trial": self.done, "named": ((3, "a"),)}]


def test_a_piece_of_work_is_done_once_ever(tmp_path):
    path, work = tmp_path / "a" / "results.jsonl", Work()
    kept = KeptResults(path, "ten trials")
    rows = kept.of("air: one", work)
    assert rows == [{"trial": 1, "named": [[3, "a"]]}]
    assert kept.of("air: one", work) == rows
    again = KeptResults(path, "ten trials")
    assert again.of("air: one", work) == rows
    assert work.done == 1
    assert again.cpu_s.keys() == {"air: one"}


def test_results_of_another_plan_are_begun_anew(tmp_path):
    path, work = tmp_path / "results.jsonl", Work()
    KeptResults(path, "ten trials").of("one", work)
    assert KeptResults(path, "twenty trials").of("one", work)[0]["trial"] == 2


@pytest.mark.parametrize("torn", ["", '{"key": "two", "cpu'])
def test_a_line_that_was_not_written_to_its_end_is_done_again(tmp_path, torn):
    path, work = tmp_path / "results.jsonl", Work()
    KeptResults(path, "ten trials").of("one", work)
    with path.open("a", encoding="utf-8") as file:
        file.write(torn)
    kept = KeptResults(path, "ten trials")
    kept.of("two", work)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line.get("key") for line in lines] == [None, "one", "two"]
    assert work.done == 2


def test_without_a_file_nothing_outlives_the_run():
    work = Work()
    for _ in range(2):
        KeptResults(None, "").of("one", work)
    assert work.done == 2
