"""Bulletins by folder: verified, durable before they are acknowledged, refused with a reason."""

import hashlib
import itertools
import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from dsp.errors import Refusal
from tests.transmit.bulletin.made import KEY, KEYRING, NOW, RECORDING, STRANGER, bulletin, trusted
from transmit.bulletin.acceptance import Acceptance, Place
from transmit.bulletin.content import Audio
from transmit.bulletin.keyring import Keyring
from transmit.bulletin.replay_file import ReplayFile
from transmit.bulletin.signing import sign
from transmit.playout.bulletin_store import BulletinStore
from transmit.playout.inbox import Inbox
from transmit.playout.timeline import Part

DIGEST = hashlib.sha256(RECORDING).hexdigest()
LATER = NOW + timedelta(seconds=3)


class Desk:
    """A playout's folders, as after a restart each time one is made."""

    def __init__(self, root, keyring=KEYRING, exercise=None):
        self.folder = root / "inbox"
        self.folder.mkdir(exist_ok=True)
        self.state = root / "state"
        self.state.mkdir(exist_ok=True)
        self.memory = ReplayFile(self.state / "seen.json", self.state / "seen.generation")
        place = Place("tri-ton", ("tri-ton.1",))
        door = Acceptance(keyring, place, self.memory)
        self.times = itertools.cycle([NOW, LATER])
        self.store = BulletinStore(self.state, door, self.length_ms, exercise)
        self.inbox = Inbox(self.folder, self.store, patience_s=30)

    def length_ms(self, path, sha256):  # noqa: ARG002 - as the store calls it
        content = path.read_bytes()
        if content.startswith(b"broken"):
            raise Refusal("audio.unknown", expected="audio", got="none", advice="another file")
        return 1_000 * len(content)

    def drop(self, name="flood", key=KEY, recording=RECORDING, suffix=".wav", **said):
        if recording is not None:
            digest = hashlib.sha256(recording).hexdigest()
            (self.folder / (digest + suffix)).write_bytes(recording)
            said = {"audio": (Audio(digest, len(recording), "vi"),)} | said
        content = sign(bulletin(**({"id": name} | said)), key).to_bytes()
        (self.folder / f"{name}.bulletin.json").write_bytes(content)
        return content

    def look(self, monotonic_s=0.0):
        return self.inbox.look(lambda: next(self.times), monotonic_s)

    def names(self, folder="."):
        return sorted(path.name for path in (self.folder / folder).iterdir() if path.is_file())

    def reason(self, name="flood"):
        return (self.folder / "refused" / f"{name}.bulletin.json.reason").read_text()


def kinds(taken):
    return [one.refusal.kind if one.refusal else "taken" for one in taken]


def test_what_is_right_is_taken_and_the_folder_is_empty(tmp_path):
    desk = Desk(tmp_path)
    desk.drop()
    (taken,) = desk.look()
    assert taken.heard.parts == (Part(DIGEST, 1_000 * len(RECORDING)),)
    assert taken.heard.accepted_ms == 1000 * LATER.timestamp()  # when it was ready
    assert desk.names() == []
    assert desk.store.path_of(DIGEST).read_bytes() == RECORDING


def test_after_a_restart_it_is_there_and_its_replay_dies(tmp_path):
    desk = Desk(tmp_path)
    content = desk.drop()
    desk.look()
    again = Desk(tmp_path)
    assert list(again.store.heard.values()) == list(desk.store.heard.values())
    (again.folder / "again.bulletin.json").write_bytes(content)
    assert kinds(again.look()) == ["bulletin.replay"]
    assert again.names("refused") == ["again.bulletin.json", "again.bulletin.json.reason"]
    assert again.reason("again").startswith("bulletin.replay: expected")
    assert again.reason("again").count("\n") == 1


@pytest.mark.parametrize("lost", ["seen.json", "both"])
def test_a_cut_between_record_and_counters_lets_no_replay_in(tmp_path, lost):
    desk = Desk(tmp_path)
    content = desk.drop()
    desk.look()
    if lost == "both":  # the cut came before the first counters were written
        (desk.state / "seen.json").unlink()
        (desk.state / "seen.generation").unlink()
    again = Desk(tmp_path)
    (again.folder / "x.bulletin.json").write_bytes(content)
    assert kinds(again.look()) == ["bulletin.replay"]


def test_a_cut_before_the_record_leaves_the_drop_to_be_taken(tmp_path, monkeypatch):
    desk = Desk(tmp_path)
    desk.drop()
    monkeypatch.setattr(desk.store, "_write_record", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        desk.look()
    again = Desk(tmp_path)
    assert again.store.heard == {}
    assert kinds(again.look()) == ["taken"]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"key": STRANGER}, "bulletin.unknown_signer"),
        ({"expires": "2026-11-24T05:30:00Z"}, "bulletin.expired"),
        ({"communes": ("cang-long",), "zones": ()}, "bulletin.elsewhere"),
        ({"issuer": "province.other"}, "bulletin.forbidden"),
        ({"recording": b"broken"}, "audio.unknown"),
        ({"test": True}, "bulletin.exercise"),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason(tmp_path, said, kind):
    desk = Desk(tmp_path)
    desk.drop(**said)
    assert kinds(desk.look()) == [kind]
    assert desk.reason().startswith(kind)
    assert desk.store.heard == {}
    assert not list((desk.state / "accepted").iterdir())
    assert not list((desk.state / "audio").iterdir())


def test_a_refused_one_uses_up_no_counter(tmp_path):
    desk = Desk(tmp_path)
    desk.drop(recording=b"broken", counter=5)
    desk.look()
    desk.drop("second", counter=5)
    assert kinds(desk.look()) == ["taken"]


@pytest.mark.parametrize("other", [b"another one", b"", RECORDING + b"x"])
def test_another_recording_of_that_name_is_refused(tmp_path, other):
    desk = Desk(tmp_path)
    desk.drop()
    (desk.folder / f"{DIGEST}.wav").write_bytes(other)
    assert kinds(desk.look()) == ["bulletin.digest"]


def test_a_recording_is_waited_for_and_not_for_ever(tmp_path):
    desk = Desk(tmp_path)
    desk.drop(recording=None)
    assert desk.look(0.0) == []
    assert desk.look(29.0) == []
    assert kinds(desk.look(31.0)) == ["bulletin.audio_missing"]
    desk.drop("second", recording=None, counter=8)
    assert desk.look(40.0) == []
    (desk.folder / DIGEST).write_bytes(RECORDING)
    assert kinds(desk.look(41.0)) == ["taken"]


def test_two_bulletins_share_a_recording(tmp_path):
    desk = Desk(tmp_path)
    desk.drop("one")
    desk.drop("two", counter=8)
    assert kinds(desk.look()) == ["taken", "taken"]


def test_what_is_being_written_is_left_alone(tmp_path):
    desk = Desk(tmp_path)
    (desk.folder / ".x.bulletin.json").write_bytes(b"{")
    (desk.folder / "x.bulletin.json.part").write_bytes(b"{")
    assert desk.look() == []
    assert len(desk.names()) == 2


def test_things_that_are_no_files_are_refused_and_not_followed(tmp_path):
    desk = Desk(tmp_path)
    secret = tmp_path / "secret"
    secret.write_bytes(sign(bulletin(), KEY).to_bytes())
    (desk.folder / "link.bulletin.json").symlink_to(secret)
    (desk.folder / "folder.bulletin.json").mkdir()
    (desk.folder / "folder.bulletin.json" / "x").touch()
    (desk.folder / "empty.bulletin.json").touch()
    for _ in range(2):
        (desk.folder / "long.bulletin.json").write_bytes(b" " * 300_000)
        desk.look()
    assert desk.look() == []
    assert secret.exists()
    assert {"long.bulletin.json", "long.bulletin.json.1"} <= set(desk.names("refused"))


def test_a_recording_that_is_a_link_is_not_followed(tmp_path):
    desk = Desk(tmp_path)
    desk.drop()
    (tmp_path / "elsewhere").write_bytes(RECORDING)
    (desk.folder / f"{DIGEST}.wav").unlink()
    (desk.folder / f"{DIGEST}.wav").symlink_to(tmp_path / "elsewhere")
    assert desk.look() == []


def test_a_test_is_announced_before_it_plays(tmp_path):
    marker = Part("exercise.wav", 3_000)
    desk = Desk(tmp_path, exercise=marker)
    desk.drop(test=True)
    (taken,) = desk.look()
    assert taken.heard.parts[0] == marker
    (heard,) = Desk(tmp_path, exercise=marker).store.heard.values()
    assert heard == taken.heard


def test_a_key_that_was_revoked_takes_its_bulletins_along(tmp_path):
    desk = Desk(tmp_path)
    desk.drop()
    desk.look()
    again = Desk(tmp_path, Keyring((trusted(revoked=True),)))
    assert again.store.heard == {}
    assert "bulletin.revoked" in again.store.passed_over[0][1]


def test_an_altered_record_is_not_believed(tmp_path):
    desk = Desk(tmp_path)
    desk.drop()
    desk.look()
    (record,) = (desk.state / "accepted").iterdir()
    table = json.loads(record.read_bytes())
    table["envelope"]["title"] = "another"
    for content in (json.dumps(table), "", "null", "[" * 5_000):
        record.write_text(content)
        again = Desk(tmp_path)
        assert again.store.heard == {}
        assert len(again.store.passed_over) == 1


def test_what_expired_long_ago_is_removed(tmp_path):
    desk = Desk(tmp_path)
    desk.drop()
    desk.look()
    desk.store.forget_before(datetime(2026, 11, 25, tzinfo=UTC))
    assert len(desk.store.heard) == 1
    desk.store.forget_before(datetime(2026, 12, 25, tzinfo=UTC))
    assert desk.store.heard == {}
    assert not list((desk.state / "audio").iterdir())
    assert not list((desk.state / "accepted").iterdir())


def test_a_thousand_hostile_drops(tmp_path):
    draw = random.Random(11)
    desk = Desk(tmp_path)
    row = sign(bulletin(), KEY).to_bytes()
    (desk.folder / DIGEST).write_bytes(RECORDING)
    for number in range(1_000):
        cut = bytearray(row)
        for _ in range(draw.randint(1, 4)):
            cut[draw.randrange(len(cut))] = draw.randrange(256)
        if bytes(cut) != row:
            (desk.folder / f"{number % 50}.bulletin.json").write_bytes(cut)
        if number % 50 == 49:
            assert "taken" not in kinds(desk.look())
    assert desk.store.heard == {}
