"""Every parser of signed words and of settings under fire: a value, or a refusal in one line.

A thousand of each in every run, a hundred thousand in `make long`. Bent are seeds that are right:
their bytes, as in `tests.dsp.packet.test_fuzz`, and the members of their JSON.
"""

from __future__ import annotations

import copy
import json
import random

import pytest

from dsp.errors import Refusal
from dsp.packet.errors import RemoteFormatError
from loa.device.news import Join, Play, Refused
from loa.relay.settings import parse_relay
from loa.speaker.settings import _READER, SpeakerSettings
from tests.dsp.packet.test_fuzz import LONG, RUN, bent
from tests.loa.device.made import NOW, SENDER, announced, door, keyring_text, signed
from tests.loa.relay.test_settings import GOOD
from tests.transmit.bulletin.made import KEY
from tests.transmit.playout.test_schedule import HEAD, item
from transmit.bulletin.announced import read_announced
from transmit.bulletin.challenge import Challenger, answer, read_answer, read_challenge
from transmit.bulletin.datagrams import Assembler, datagrams_of
from transmit.bulletin.envelope import read_envelope
from transmit.bulletin.keyring import read_keyring
from transmit.bulletin.session import read_session
from transmit.playout.schedule import read_schedule

EXTREMES = (
    None, True, False, 0, -1, 1.5, 2**53, 2**63, 10**400, "", "\0", "x" * 5_000, "\ud800", "../e",
    "2026-13-45T99:99:99Z", "0000-00-00T00:00:00Z", [], {}, [[]], [None], {"": ""}, ["x"] * 1_000,
)  # fmt: skip


SPEAKER = b"""id = "horn-1"
zone = "tri-ton.2"
commune = "tri-ton"
sources = ["session:", "bulletin:chime.json"]
trusted_keys = ["KEYRING.toml"]
device_key = "horn-1.key"
state = "state"
commands = ["0.0.0.0:5010", "239.255.12.42:5010"]
holders_emergency = 2
volume = 0.8
"""


def members(value):
    """Every place in a JSON value that holds another: (the holder, key or index)."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list):
            yield from members(inner)


def reshaped(seeds, rng):
    """A seed of JSON of which one to three members are another, doubled, moved or gone."""
    table = json.loads(rng.choice(seeds))
    for _ in range(rng.randint(1, 3)):
        places = list(members(table))
        if not places:
            break
        held = [json.loads(json.dumps(holder[key])) for holder, key in places]
        holder, key = rng.choice(places)
        kind = rng.randrange(4)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            holder[key] = rng.choice(held)
        elif kind == 2 and isinstance(holder, dict):
            holder[str(rng.randrange(9))] = copy.deepcopy(rng.choice(EXTREMES))
        else:
            holder[key] = copy.deepcopy(rng.choice(EXTREMES))
    return json.dumps(table).encode()


def challenges():
    return [Challenger(name).ask(signed(), 0.0) for name in ("horn-1", "a")]


def answers():
    return [answer(one, KEY, "2026-11-24T06:00:00Z").to_bytes() for one in challenges()]


def sessions():
    return [announced().session.to_bytes(), announced(id="b", zones=("a", "b")).session.to_bytes()]


def take_speaker(content):
    return _READER.read("SPEAKER.toml", _READER.parse(content), SpeakerSettings)


JSON = {
    "envelope": (lambda: [signed().to_bytes(), signed(cancels="x").to_bytes()], read_envelope),
    "session": (sessions, read_session),
    "announced": (lambda: [announced().to_bytes()], read_announced),
    "challenge": (lambda: [one.to_bytes() for one in challenges()], read_challenge),
    "answer": (answers, read_answer),
}
TOML = {
    "keyring": (lambda: [keyring_text().encode()], read_keyring),
    "speaker": (lambda: [SPEAKER], take_speaker),
    "relay": (lambda: [GOOD.encode()], parse_relay),
    "schedule": (
        lambda: [
            (HEAD + item("x", when="weekly", days=("mon",)) + item("y", live="pipe:p")).encode()
        ],
        read_schedule,
    ),
}
PARSERS = JSON | TOML


def fire(name, count, seed):
    """Return how many were taken and how many refused; anything else that is raised fails."""
    seeds, take = PARSERS[name][0](), PARSERS[name][1]
    rng, taken, refusals = random.Random(seed), 0, []
    for number in range(count):
        shape = reshaped if name in JSON and number % 2 else bent
        try:
            take(shape(seeds, rng))
        except Refusal as refusal:
            refusals.append(refusal)
        else:
            taken += 1
    assert {refusal.exit_code for refusal in refusals} <= {2}
    assert max(len(str(refusal)) for refusal in refusals) < 2_000
    return taken, len(refusals)


@pytest.mark.parametrize("name", PARSERS)
def test_a_thousand_of_each(name):
    taken, refused = fire(name, RUN, 1)
    assert taken > 0
    assert refused > RUN // 2


@pytest.mark.long
@pytest.mark.parametrize("name", PARSERS)
def test_a_hundred_thousand_of_each(name):
    assert sum(fire(name, LONG, 2)) == LONG


def fire_at_assembler(count):
    """Pieces of messages, bent: whatever is put together is one of them, whole."""
    messages = [signed(text="x" * length).to_bytes() for length in (1, 1_500, 3_000)]
    seeds = [piece for message in messages for piece in datagrams_of(message)]
    rng, assembler, whole = random.Random(4), Assembler(), 0
    for _ in range(count):
        piece = bent(seeds, rng) if rng.random() < 0.7 else rng.choice(seeds)
        try:
            found = assembler.add(piece)
        except RemoteFormatError:
            continue
        if found is not None:
            whole += 1
            assert found in messages
    return whole


def test_a_thousand_pieces():
    assert fire_at_assembler(RUN) > 0


@pytest.mark.long
def test_a_hundred_thousand_pieces():
    assert fire_at_assembler(LONG) > 0


def fire_at_door(folder, count):
    """Members of genuine messages that are others: what is let in says what was signed."""
    one, rng = door(folder), random.Random(5)
    flood, live = signed(), announced()
    seeds = [flood.to_bytes(), live.to_bytes(), *answers()]
    for number in range(count):
        for news in one.message(reshaped(seeds, rng), SENDER, NOW, 0.01 * number):
            if isinstance(news, Play):  # a list that is empty may be left out
                assert news.accepted.bulletin == flood.bulletin
            elif isinstance(news, Join):  # wraps of other devices are nobody's concern here
                assert (news.signed.session, news.sdp) == (live.session.session, live.sdp)
            else:
                assert isinstance(news, Refused)
    return one.counts


def test_a_thousand_messages_at_the_door(tmp_path):
    assert sum(fire_at_door(tmp_path, RUN).values()) > RUN // 2


@pytest.mark.long
def test_a_hundred_thousand_messages_at_the_door(tmp_path):
    assert sum(fire_at_door(tmp_path, LONG).values()) > LONG // 2
