"""Outputs appear whole or not at all, and what stood there before comes back."""

import errno
import os
from pathlib import Path

import pytest

from dsp.errors import Refusal
from transmit.atomic import OutputSet, write_refused


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_seen_until_commit(tmp_path):
    final = tmp_path / "a.wav"
    with OutputSet([final]) as outputs:
        outputs.part(final).write_bytes(b"whole")
        assert not final.exists()
        outputs.commit()
    assert final.read_bytes() == b"whole"
    assert names_in(tmp_path) == ["a.wav"]


def test_without_commit_nothing_is_left(tmp_path):
    final = tmp_path / "a.wav"
    with OutputSet([final]) as outputs:
        outputs.part(final).write_bytes(b"half")
        assert len(names_in(tmp_path)) == 1
    assert names_in(tmp_path) == []


def test_a_failing_rename_takes_all_of_them_back(tmp_path, monkeypatch):
    old, new, failing = (tmp_path / name for name in ("old.wav", "new.wav", "failing.wav"))
    old.write_bytes(b"of yesterday")
    real = Path.replace

    def replace(self, target):
        if target == failing:
            raise OSError(errno.EIO, "Input/output error")
        return real(self, target)

    with OutputSet([old, new, failing]) as outputs:
        for final in (old, new, failing):
            outputs.part(final).write_bytes(b"of today")
        monkeypatch.setattr(Path, "replace", replace)
        with pytest.raises(Refusal) as refused:
            outputs.commit()
    assert refused.value.exit_code == 4
    assert old.read_bytes() == b"of yesterday"
    assert names_in(tmp_path) == ["old.wav"]


def test_a_new_file_has_the_rights_of_a_new_file(tmp_path):
    final, plain = tmp_path / "a.wav", tmp_path / "plain"
    plain.touch()
    with OutputSet([final]) as outputs:
        outputs.commit()
    assert final.stat().st_mode == plain.stat().st_mode


def test_a_replaced_file_leaves_no_second_name(tmp_path):
    final = tmp_path / "a.wav"
    final.write_bytes(b"of yesterday")
    with OutputSet([final]) as outputs:
        outputs.part(final).write_bytes(b"of today")
        outputs.commit()
    assert final.read_bytes() == b"of today"
    assert final.stat().st_nlink == 1
    assert names_in(tmp_path) == ["a.wav"]


def test_a_missing_folder_is_found_before_the_work(tmp_path):
    good, bad = tmp_path / "good.wav", tmp_path / "nowhere" / "bad.wav"
    with pytest.raises(Refusal) as refused:
        OutputSet([good, bad])
    assert refused.value.kind == "output.folder"
    assert "mkdir -p" in refused.value.advice
    assert refused.value.exit_code == 4
    assert names_in(tmp_path) == []


def test_a_folder_of_that_name_is_refused(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(Refusal) as refused:
        OutputSet([tmp_path / "a.wav"])
    assert refused.value.kind == "output.folder"


def test_a_long_name_still_has_room_for_its_part(tmp_path):
    final = tmp_path / ("a" * 250 + ".wav")
    with OutputSet([final]) as outputs:
        outputs.commit()
    assert final.exists()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, "output.disk_full"),
        (errno.EDQUOT, "output.disk_full"),
        (errno.EACCES, "output.permission"),
        (errno.EROFS, "output.permission"),
        (errno.ENOENT, "output.folder"),
        (errno.EIO, "output.write"),
    ],
)
def test_every_failure_has_a_name_and_one_line(number, kind):
    refusal = write_refused(Path("a.wav"), OSError(number, os.strerror(number)))
    assert refusal.kind == kind
    assert refusal.exit_code == 4
    assert "\n" not in str(refusal)
