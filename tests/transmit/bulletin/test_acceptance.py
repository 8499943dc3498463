"""Whether it may be heard here, now, once: never what is forged, old, elsewhere or twice."""

import dataclasses
import json
import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.errors import Refusal
from tests.transmit.bulletin.made import KEY, KEYRING, NOW, SECOND, STRANGER, bulletin, trusted
from transmit.bulletin.acceptance import Acceptance, Place
from transmit.bulletin.anti_replay import WINDOW, ReplayMemory, Window
from transmit.bulletin.challenge import (
    LIFE_S,
    Answer,
    Challenger,
    answer,
    bulletin_digest,
    read_answer,
)
from transmit.bulletin.envelope import Envelope
from transmit.bulletin.keyring import Keyring
from transmit.bulletin.replay_file import ReplayFile
from transmit.bulletin.signing import sign
from transmit.bulletin.verify import Policy

PLACE = Place("tri-ton", ("tri-ton.2",))
HOUR = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def memory(folder, **options):
    return ReplayFile(folder / "seen.json", folder / "witness", **options)


def door(folder, keyring=KEYRING, policy=None, challenger=None):
    return Acceptance(keyring, PLACE, memory(folder), policy or Policy(), challenger)


def refused(call, *arguments, **options):
    with pytest.raises(Refusal) as caught:
        call(*arguments, **options)
    return caught.value.kind


def test_what_is_right_is_accepted_once_also_after_a_restart(folder):
    content = sign(bulletin(), KEY).to_bytes()
    accepted = door(folder).accept(content, NOW)
    assert accepted.bulletin.id == "vinh-long-2026-000123"
    assert accepted.signers[0].id == KEY.id
    assert not accepted.is_exercise
    assert refused(door(folder).accept, content, NOW) == "bulletin.replay"


def test_check_remembers_nothing(folder):
    content = sign(bulletin(), KEY).to_bytes()
    one = door(folder)
    assert one.check(content, NOW) == one.check(content, NOW)
    assert not (folder / "seen.json").exists()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"communes": ("cang-long",), "zones": ("cang-long.4",)}, "bulletin.elsewhere"),
        ({"expires": "2026-11-24T06:00:00Z"}, "bulletin.expired"),
    ],
)
def test_what_is_not_for_here_or_now_is_refused(folder, said, kind):
    assert refused(door(folder).accept, sign(bulletin(**said), KEY), NOW) == kind


def test_a_zone_is_enough(folder):
    said = bulletin(communes=(), zones=("tri-ton.2",))
    assert door(folder).accept(sign(said, KEY), NOW)


def test_what_begins_later_is_kept_for_then(folder):
    said = bulletin(not_before="2026-11-24T07:00:00Z")
    assert door(folder).accept(sign(said, KEY), NOW).bulletin.not_before_utc > NOW


def test_a_test_says_that_it_is_one(folder):
    assert door(folder).accept(sign(bulletin(test=True), KEY), NOW).is_exercise


def test_two_holders_where_the_policy_wants_them(folder):
    one = door(folder, policy=Policy(holders_emergency=2))
    signed = sign(bulletin(), KEY)
    assert refused(one.accept, signed, NOW) == "bulletin.approval"
    assert one.accept(sign(signed, SECOND), NOW)


def test_leaving_out_a_signature_renews_nothing(folder):
    both = sign(sign(bulletin(), KEY), SECOND)
    one = door(folder)
    one.accept(both, NOW)
    for signature in both.signatures:
        assert refused(one.accept, Envelope(both.bulletin, (signature,)), NOW) == "bulletin.replay"


def test_counters_may_come_in_any_order_within_the_window(folder):
    one = door(folder)
    order = list(range(1, 60))
    random.Random(6).shuffle(order)
    for counter in order:
        one.accept(sign(bulletin(counter=counter, id=f"b{counter}"), KEY), NOW)
    for counter in order:
        assert refused(one.accept, sign(bulletin(counter=counter), KEY), NOW) == "bulletin.replay"
    one.accept(sign(bulletin(counter=WINDOW + 100), KEY), NOW)
    assert refused(one.accept, sign(bulletin(counter=99), KEY), NOW) == "bulletin.replay"


def test_a_stolen_key_uses_up_no_counters_but_its_own(folder):
    one = door(folder)
    one.accept(sign(bulletin(counter=2**53 - 1), SECOND), NOW)
    assert one.accept(sign(bulletin(counter=1), KEY), NOW)


@given(st.lists(st.one_of(st.integers(1, 3000), st.sampled_from([1, 2**53 - 1])), max_size=60))
def test_a_window_forgets_no_counter(counters):
    window, seen = Window(), set()
    for counter in counters:
        if window.is_fresh(counter):
            assert counter not in seen
        else:
            assert counter in seen or counter <= window.highest - WINDOW
        window = window.with_seen(counter)
        seen.add(counter)
        assert not window.is_fresh(counter)
        assert window.highest == max(seen)
        assert window.seen < 1 << WINDOW
    kept = ReplayMemory({"a": window}).to_bytes()
    assert ReplayMemory.from_bytes(kept).windows["a"] == window


def test_a_pre_signed_cancel_ends_its_bulletin_whenever_it_comes(folder):
    cancel = bulletin(
        id="cancel", cancels="flood", counter=2, audio=(), board_text=None, priority="emergency"
    )
    for counter in range(10, 40):  # others go by meanwhile
        door(folder).accept(sign(bulletin(counter=counter, id=f"b{counter}"), KEY), NOW)
    door(folder).accept(sign(cancel, KEY), NOW)
    flood = sign(bulletin(id="flood", counter=1), KEY)
    assert refused(door(folder).accept, flood, NOW) == "bulletin.cancelled"


@pytest.mark.parametrize(
    "change",
    [{"issuer": "province.other", "zones": ("tri-ton.2",)}, {"priority": "normal"}],
)
def test_a_cancel_of_another_issuer_or_of_less_weight_ends_nothing(folder, change):
    keyring = Keyring((trusted(), trusted(SECOND, issuer="province.other")))
    said = {"id": "cancel", "cancels": "flood", "counter": 5, "audio": (), "board_text": None}
    one = door(folder, keyring)
    one.accept(sign(bulletin(**said | change), SECOND if "issuer" in change else KEY), NOW)
    assert one.accept(sign(bulletin(id="flood", counter=6), KEY), NOW)


# A clock that is not trusted.


def without_clock(folder):
    challenger = Challenger("horn-1")
    return door(folder, challenger=challenger), challenger


def test_without_a_clock_only_an_emergency_that_answers_is_heard(folder):
    one, challenger = without_clock(folder)
    flood = sign(bulletin(), KEY)
    assert refused(one.accept, flood, None) == "bulletin.clock"
    given = answer(challenger.ask(flood, 5.0), SECOND, "2026-11-24T06:00:00Z")
    given = read_answer(given.to_bytes())
    assert one.accept(flood, None, answer=given, monotonic_s=6.0).by_answer
    # neither answer nor bulletin is good a second time
    assert refused(one.accept, flood, None, answer=given, monotonic_s=7.0) == "bulletin.nonce"
    again = answer(challenger.ask(flood, 8.0), KEY, "2026-11-24T06:00:00Z")
    assert refused(one.accept, flood, None, answer=again, monotonic_s=8.0) == "bulletin.replay"


def test_without_a_clock_nothing_less_is_heard(folder):
    one, challenger = without_clock(folder)
    for number, priority in enumerate(("normal", "priority")):
        said = sign(bulletin(priority=priority, counter=number + 1), KEY)
        given = answer(challenger.ask(said, 0.0), KEY, "2026-11-24T06:00:00Z")
        assert refused(one.accept, said, None, answer=given) == "bulletin.clock"


def test_answers_that_are_none(folder):
    one, challenger = without_clock(folder)
    flood, fire = sign(bulletin(), KEY), sign(bulletin(id="fire", counter=8), KEY)
    asked = challenger.ask(flood, 0.0)
    right = answer(asked, KEY, "2026-11-24T06:00:00Z")
    change = dataclasses.replace
    wrong = [
        change(right, time="2026-11-24T07:00:00Z"),  # not what was signed
        change(right, device="horn-2"),
        change(right, nonce="0" * 32),
        change(right, bulletin="0" * 64),
        answer(asked, STRANGER, right.time),
        answer(Challenger("horn-1").ask(flood, 0.0), KEY, right.time),  # a nonce not ours
        answer(change(asked, device="horn-2"), KEY, right.time),
        change(right, signature=flood.signatures[0]),
    ]
    for other in wrong:
        assert refused(one.accept, flood, None, answer=other)
    assert refused(one.accept, fire, None, answer=right) == "bulletin.nonce"
    late = LIFE_S + 1
    assert refused(one.accept, flood, None, answer=right, monotonic_s=late) == "bulletin.nonce"


def test_wrong_answers_do_not_spoil_the_right_one(folder):
    one, challenger = without_clock(folder)
    flood = sign(bulletin(), KEY)
    asked = challenger.ask(flood, 0.0)
    assert refused(one.accept, flood, None, answer=answer(asked, STRANGER, "2026-11-24T06:00:00Z"))
    assert one.accept(flood, None, answer=answer(asked, KEY, "2026-11-24T06:00:00Z"))


def test_an_answer_tells_the_time(folder):
    one, challenger = without_clock(folder)
    old = sign(bulletin(), KEY)
    given = answer(challenger.ask(old, 0.0), KEY, "2026-11-24T12:00:00Z")
    assert refused(one.accept, old, None, answer=given) == "bulletin.expired"
    flood = sign(bulletin(counter=9), KEY)
    one.accept(flood, None, answer=answer(challenger.ask(flood, 0.0), KEY, "2026-11-24T11:00:00Z"))
    # from now on a clock that says less is wrong, also after a restart
    assert not door(folder).trusts(NOW)
    assert door(folder).trusts(NOW + 5 * HOUR)
    assert refused(door(folder).accept, sign(bulletin(counter=10), KEY), NOW) == "bulletin.clock"


def test_nonces_differ_and_old_ones_go():
    challenger = Challenger("horn-1")
    flood = sign(bulletin(), KEY)
    assert len({challenger.ask(flood, 0.0).nonce for _ in range(1_000)}) == 1_000
    assert len(challenger._open) <= 65


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 5_000, b'{"schema": "loa.answer/1"}'])
def test_an_answer_that_cannot_be_read(content):
    assert refused(read_answer, content).startswith("answer.")


@given(st.binary(max_size=200) | st.text().map(lambda text: json.dumps(text).encode()))
def test_hostile_answers_get_a_typed_refusal(content):
    assert refused(read_answer, content).startswith("answer.")


# The memory on a disk.


def test_a_memory_that_was_put_back_is_not_trusted(folder):
    one = door(folder)
    one.accept(sign(bulletin(), KEY), NOW)
    backup = (folder / "seen.json").read_bytes()
    later = sign(bulletin(counter=8), KEY)
    one.accept(later, NOW)
    (folder / "seen.json").write_bytes(backup)
    assert memory(folder).state == "rolled_back"
    assert refused(door(folder).accept, later, NOW) == "bulletin.clock"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"null"])
def test_a_broken_memory_is_not_trusted(folder, content):
    door(folder).accept(sign(bulletin(), KEY), NOW)
    (folder / "seen.json").write_bytes(content)
    assert memory(folder).state == "broken"
    assert not memory(folder).is_trusted


def test_every_cut_memory_is_seen_as_broken(folder):
    door(folder).accept(sign(bulletin(), KEY), NOW)
    content = (folder / "seen.json").read_bytes()
    for length in range(len(content) - 1):  # the last is a line feed
        with pytest.raises(ValueError, match=r"."):
            ReplayMemory.from_bytes(content[:length])


def test_a_lost_memory_is_not_a_new_one(folder):
    assert memory(folder).state == "new"
    door(folder).accept(sign(bulletin(), KEY), NOW)
    (folder / "seen.json").unlink()
    assert memory(folder).state == "lost"


def test_a_person_may_trust_it_again(folder):
    door(folder).accept(sign(bulletin(), KEY), NOW)
    (folder / "seen.json").unlink()
    memory(folder).trust_again()
    assert memory(folder).state == "good"


def test_a_cut_between_memory_and_witness_is_harmless(folder):
    one = door(folder)
    one.accept(sign(bulletin(), KEY), NOW)
    before = (folder / "witness").read_bytes()
    one.accept(sign(bulletin(counter=8), KEY), NOW)
    (folder / "witness").write_bytes(before)
    assert memory(folder).state == "good"


def test_a_change_is_one_line_and_a_torn_one_was_never_acknowledged(folder):
    one = door(folder)
    for counter in (7, 8, 9):
        one.accept(sign(bulletin(counter=counter), KEY), NOW)
    whole = (folder / "seen.json").read_bytes()
    assert whole.count(b"\n") == 3
    before = whole.rfind(b"\n", 0, -1) + 1
    (folder / "witness").write_bytes(b"2\n")  # the cut came before the witness
    for torn in (whole[:-1], whole[: before + 9], whole[:before], whole[: before + 99] + bytes(50)):
        (folder / "seen.json").write_bytes(torn)
        assert (memory(folder).state, memory(folder).memory.generation) == ("good", 2)
        assert door(folder).accept(sign(bulletin(counter=9), KEY), NOW)
        (folder / "witness").write_bytes(b"2\n")
    (folder / "seen.json").write_bytes(whole[: before + 99] + bytes(50) + b"\n")
    assert memory(folder).memory.generation == 2


def test_a_line_that_was_acknowledged_and_is_torn_is_seen(folder):
    one = door(folder)
    for counter in (7, 8):
        one.accept(sign(bulletin(counter=counter), KEY), NOW)
    whole = (folder / "seen.json").read_bytes()
    (folder / "seen.json").write_bytes(whole[: whole.index(b"\n") + 1])
    assert memory(folder).state == "rolled_back"


def test_the_journal_does_not_grow_for_ever(folder, monkeypatch):
    monkeypatch.setattr("transmit.bulletin.replay_file._LONG_BYTES", 2_000)
    one = door(folder)
    for counter in range(1, 60):
        one.accept(sign(bulletin(counter=counter), KEY), NOW)
        assert (folder / "seen.json").stat().st_size < 4_000
    assert memory(folder).memory.generation == 59


def test_who_was_not_trusted_stays_so_until_a_person_says_otherwise(folder):
    """Or an emergency heard by answer would make a memory that was lost a good one."""
    door(folder).accept(sign(bulletin(), KEY), NOW)
    (folder / "seen.json").unlink()
    for number in range(3):
        challenger = Challenger("horn-1")
        flood = sign(bulletin(counter=20 + number), KEY)
        given = answer(challenger.ask(flood, 0.0), KEY, "2026-11-24T06:00:00Z")
        assert door(folder, challenger=challenger).accept(flood, NOW, answer=given).by_answer
        assert memory(folder).state == "doubted"
    memory(folder).trust_again()
    assert memory(folder).state == "good"


def test_a_memory_that_is_a_link_is_broken(folder):
    door(folder).accept(sign(bulletin(), KEY), NOW)
    (folder / "seen.json").rename(folder / "elsewhere")
    (folder / "seen.json").symlink_to(folder / "elsewhere")
    assert memory(folder).state == "broken"


# Ten thousand attempts.


class Attacker:
    """Makes messages that must not be heard, out of those that were."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.heard = [sign(bulletin(id=f"b{n}", counter=n), KEY) for n in range(1, 9)]
        self.rows = [envelope.to_bytes() for envelope in self.heard]
        self.fresh = [
            sign(bulletin(id=f"f{n}", counter=1_000 + n, **said), key)
            for n, (said, key) in enumerate(
                [
                    ({"expires": "2026-11-24T05:59:59Z"}, KEY),
                    (
                        {"not_before": "2025-11-24T05:00:00Z", "expires": "2025-11-24T09:00:00Z"},
                        KEY,
                    ),
                    ({"communes": ("cang-long",), "zones": ("cang-long.4",)}, KEY),
                    ({"communes": (), "zones": ("tri-ton.3",)}, KEY),
                    ({}, STRANGER),
                    ({"issuer": "province.other"}, KEY),
                    ({"tier": "central"}, KEY),
                ]
            )
        ]

    def forged(self):
        """A signature that is not one."""
        envelope = self.draw.choice(self.heard)
        said = dataclasses.replace(envelope.bulletin, counter=self.draw.randint(100, 10**6))
        return Envelope(said, envelope.signatures).to_bytes()

    def altered(self):
        envelope = self.draw.choice(self.heard)
        change = self.draw.choice(
            [
                {"title": "Tất cả ra khỏi nhà"},
                {"zones": ("tri-ton.2",), "counter": 500},
                {"expires": "2026-11-25T12:00:00Z", "counter": 501},
                {"priority": "normal", "counter": 502},
                {"test": True, "counter": 503},
                {"cancels": "b1", "counter": 504},
            ]
        )
        return Envelope(
            dataclasses.replace(envelope.bulletin, **change), envelope.signatures
        ).to_bytes()

    def replayed(self):
        return self.draw.choice(self.rows)

    def wrong(self):
        """Signed by somebody, but expired, elsewhere or without the right."""
        return self.draw.choice(self.fresh).to_bytes()

    def broken(self):
        row = bytearray(self.draw.choice(self.rows))
        for _ in range(self.draw.randint(1, 4)):
            row[self.draw.randrange(len(row))] = self.draw.randrange(256)
        return bytes(row)

    def message(self):
        kinds = (self.forged, self.altered, self.replayed, self.wrong, self.broken)
        return self.draw.choice(kinds)()


def attack(folder, count, seed):
    attacker, one = Attacker(seed), door(folder)
    for row in attacker.rows:
        one.accept(row, NOW)
    kinds = {}
    for number in range(count):
        if number % (count // 4) == 1:
            one = door(folder)  # a restart in between
        kind = refused_fast(one, attacker.message())
        kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


def refused_fast(one, content):
    try:
        one.accept(content, NOW)
    except Refusal as refusal:
        return refusal.kind
    return "HEARD"


def test_of_ten_thousand_messages_none_is_heard(folder):
    kinds = attack(folder, 10_000, 20261124)
    assert "HEARD" not in kinds
    assert sum(kinds.values()) == 10_000
    wanted = "signature replay expired elsewhere unknown_signer forbidden json"
    assert all(kinds.get(f"bulletin.{name}", 0) > 100 for name in wanted.split()), kinds


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_of_a_million_messages_none_is_heard(folder, seed):
    assert "HEARD" not in attack(folder, 100_000, seed)


def test_digests_of_different_bulletins_differ():
    assert bulletin_digest(bulletin()) != bulletin_digest(bulletin(counter=8))
    with pytest.raises(ValueError, match="nonce"):
        Answer("a", "x", "0" * 64, "2026-11-24T06:00:00Z", sign(bulletin(), KEY).signatures[0])
