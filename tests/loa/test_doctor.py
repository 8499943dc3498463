"""`loa doctor`: every part has a state, and what is missing has its mending command."""

import json

import pytest

from loa import cli, parts


def test_doctor_names_every_part_with_its_state_and_its_remedy(capsys):
    assert cli.run(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == "loa.doctor/1"
    names = [part["name"] for part in report["parts"]]
    assert len(names) == len(set(names)) == len(parts.CHECKS)
    assert {"RTL-SDR", "sound card", "Chromium"} <= set(names)
    for part in report["parts"]:
        assert part["state"] in {"ok", "missing", "no_device"}
        assert (part["try"] is None) == (part["state"] == "ok")


def test_the_table_for_people_names_them_too(capsys):
    assert cli.run(["doctor"]) == 0
    assert "RTL-SDR" in capsys.readouterr().out


@pytest.mark.parametrize("error", [ImportError, OSError, AttributeError])
def test_a_library_whose_shared_object_fails_is_missing(monkeypatch, error):
    def fails(_):
        raise error

    monkeypatch.setattr(parts.importlib, "import_module", fails)
    part = parts.library_part("LAME", "lameenc", "MP3", "make setup", needed=True)
    assert part.state == "missing"
    assert part.advice == "make setup"


def test_a_missing_needed_part_is_exit_code_3(monkeypatch, capsys):
    lacking = parts.Part("LAME", "MP3", "missing", "make setup", needed=True)
    monkeypatch.setattr(parts, "CHECKS", (lambda: lacking,))
    assert cli.run(["doctor"]) == parts.EXIT_PART_MISSING
    assert "make setup" in capsys.readouterr().out


def test_a_kernel_without_the_filter_is_told(monkeypatch):
    monkeypatch.setattr("ingest.decode.decoder.Decoder.isolation", ("resource_limits",))
    part = parts.isolation_part()
    assert part.state == "missing"
    assert part.detail.startswith("resource_limits; lacking here: ")
    assert "landlock, system_call_filter" in part.detail
