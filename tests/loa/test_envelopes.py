"""`loa bulletin`: from a new key to a verdict, as two desks would do it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from loa import cli
from tests.transmit.bulletin.made import RECORDING, bulletin


@pytest.fixture
def desk(tmp_path, capsys):
    """Make keys, keyring, recording and an unsigned bulletin; returns how to run a command."""
    now = datetime.now(UTC)
    said = bulletin(
        not_before=(now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        expires=(now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    (tmp_path / "flood.json").write_text(json.dumps(said.as_dict(), indent=1))
    (tmp_path / "flood.wav").write_bytes(RECORDING)
    (tmp_path / "other.wav").write_bytes(RECORDING + b"x")

    def run(*words):
        named = [str(tmp_path / w) if "." in w and not w.startswith("-") else w for w in words]
        code = cli.run(["bulletin", *named])
        return code, capsys.readouterr()

    keys = ""
    for name in ("desk-1", "desk-2"):
        _, shown = run("key", "-o", f"{name}.pem")
        keys += (
            f'[[key]]\npublic = "{json.loads(shown.out)["public"]}"\nholder = "{name}"\n'
            'issuer = "province.vinh-long"\ntiers = ["province"]\npriorities = ["emergency"]\n'
            'communes = ["*"]\nzones = ["*"]\n'
        )
    (tmp_path / "KEYRING.toml").write_text(keys)
    run.folder = tmp_path
    return run


def test_two_desks_sign_and_anybody_can_check(desk):
    code, _ = desk(
        "sign", "flood.json", "--key", "desk-1.pem", "--audio", "flood.wav", "-o", "1.json"
    )
    assert code == 0
    check = ("--keyring", "KEYRING.toml", "--holders", "2")
    code, shown = desk("verify", "1.json", *check)
    assert (code, "bulletin.approval" in shown.err) == (1, True)
    assert desk("sign", "1.json", "--key", "desk-2.pem", "-o", "2.json")[0] == 0
    code, shown = desk("verify", "2.json", *check, "--audio", "flood.wav")
    assert code == 0
    assert [one["holder"] for one in json.loads(shown.out)["signed_by"]] == ["desk-1", "desk-2"]


@pytest.mark.parametrize(
    ("files", "spoken"),
    [(["flood.wav"], ["vi"]), (["flood.wav", "other.wav"], ["vi", "km"])],
)
def test_what_is_signed_names_the_recordings_where_it_named_none(desk, files, spoken):
    table = json.loads((desk.folder / "flood.json").read_text())
    del table["audio"]
    (desk.folder / "short.json").write_text(json.dumps(table))
    given = [word for name in files for word in ("--audio", name)]
    assert desk("sign", "short.json", "--key", "desk-1.pem", *given, "-o", "1.json")[0] == 0
    named = json.loads((desk.folder / "1.json").read_text())["audio"]
    assert [(one["language"], one["size_bytes"]) for one in named] == [
        (language, (desk.folder / name).stat().st_size)
        for name, language in zip(files, spoken, strict=True)
    ]
    assert desk("verify", "1.json", "--keyring", "KEYRING.toml", *given)[0] == 0
    # What is signed names nothing more.
    others = ("--audio", "desk-1.pem")
    code, shown = desk("sign", "1.json", "--key", "desk-2.pem", *others, "-o", "2.json")
    assert (code, "bulletin.digest" in shown.err) == (2, True)
    table["languages"] = []
    (desk.folder / "short.json").write_text(json.dumps(table))
    assert desk("sign", "short.json", "--key", "desk-1.pem", *given, "-o", "3.json")[0] == 2


def test_a_private_key_is_its_owners_alone_and_never_overwritten(desk):
    path = desk.folder / "desk-1.pem"
    assert path.stat().st_mode & 0o077 == 0
    code, shown = desk("key", "-o", "desk-1.pem")
    assert (code, "output.exists" in shown.err) == (2, True)


def test_what_is_not_believed_is_a_verdict_and_what_is_broken_bad_input(desk):
    desk("sign", "flood.json", "--key", "desk-1.pem", "-o", "1.json")
    path = desk.folder / "1.json"
    path.write_bytes(path.read_bytes().replace(b"emergency", b"normal", 1))
    code, shown = desk("verify", "1.json", "--keyring", "KEYRING.toml")
    assert (code, "bulletin.signature" in shown.err) == (1, True)
    desk("sign", "flood.json", "--key", "desk-1.pem", "-o", "1.json")
    code, shown = desk("verify", "1.json", "--keyring", "KEYRING.toml", "--audio", "other.wav")
    assert (code, "bulletin.digest" in shown.err) == (1, True)
    path.write_bytes(b"{}")
    assert desk("verify", "1.json", "--keyring", "KEYRING.toml")[0] == 2
    assert desk("verify", "none.json", "--keyring", "KEYRING.toml")[0] == 4
    assert desk("sign", "flood.json", "--key", "flood.json", "-o", "3.json")[0] == 2
    assert not (desk.folder / "3.json").exists()
