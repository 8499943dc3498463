"""The sound of a zone: no gap, no overs, cut anywhere, a fallback for what does not come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transmit.playout.made import Shelf, tone
from transmit.playout.mixer import Mixer, Silence
from transmit.playout.status import StatusBook
from transmit.playout.timeline import Job, Part, lay_out
from transmit.playout.zone_player import SAMPLES_PER_MS, ZonePlayer

CEILING = 0.5
FADE = 480


class Fixed:
    """A voice of given samples, then no more."""

    def __init__(self, samples):
        self.samples = np.asarray(samples, np.float32)

    def read(self, count):
        found, self.samples = self.samples[:count], self.samples[count:]
        return found


def test_a_fade_is_the_mean_that_its_place_says():
    mixer = Mixer(4, 1.0)
    mixer.turn_to(Fixed([1.0] * 8))
    assert np.allclose(mixer.process(8), [0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
    mixer.turn_to(Silence())
    # The first has ended: it fades from its last sample, 0.4 % a sample.
    assert np.allclose(mixer.process(2), [0.75, 0.5], rtol=0.01)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 700), st.floats(-4, 4, width=32), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([0, 1, 37, 480]),
)
def test_no_sample_is_over_whatever_turns_there_are(turns, fade):
    mixer = Mixer(fade, CEILING)
    for count, value, ends in turns:
        rough = np.full(300 if ends else 5_000, value, np.float32)
        rough[::7] *= -1
        rough[3:4] = np.nan
        mixer.turn_to(Fixed(rough))
        out = mixer.process(count)
        assert np.all(np.abs(out) <= np.float32(CEILING))
        assert len(out) == min(count, len(rough))


def test_like_sounds_do_not_rise_in_a_fade():
    mixer = Mixer(FADE, 1.0)
    mixer.turn_to(Fixed(tone(1, 0.4)))
    mixer.process(FADE)
    mixer.turn_to(Fixed(tone(1, 0.4)))
    assert np.allclose(mixer.process(2 * FADE), 0.4, atol=1e-6)


@pytest.mark.parametrize(("fade", "ceiling"), [(-1, 0.5), (1, 0.0), (1, 1.5)])
def test_a_mixer_out_of_range(fade, ceiling):
    with pytest.raises(ValueError, match="ceiling"):
        Mixer(fade, ceiling)


# A zone.

SHELF = {
    "a": np.linspace(0, 0.4, 48_000, dtype=np.float32),
    "alarm": tone(0.5, -0.4),
    "prepared": tone(2, 0.2),
    "chime": tone(0.3, 0.1),
}


class Live:
    """A relay that has what it is given."""

    def __init__(self):
        self.waiting = np.zeros(0, np.float32)

    def give(self, seconds, value=0.3):
        self.waiting = np.concatenate([self.waiting, tone(seconds, value)])

    @property
    def is_ready(self):
        return len(self.waiting) >= 4_800

    def read(self, count):
        found, self.waiting = self.waiting[:count], self.waiting[count:]
        return found


def jobs():
    return [
        Job("a", "a", (Part("a", 1_000),), 100),
        Job("alarm", "alarm", (Part("alarm", 500),), 400, priority="emergency"),
    ]


def zone(plan=None, relays=None, fade=FADE, **options):
    shelf = Shelf(**SHELF)
    player = ZonePlayer(shelf, relays or {}, Mixer(fade, CEILING), **options)
    player.timeline = lay_out(jobs() if plan is None else plan, 0, 10_000)
    return player, shelf


def rendered(player, begin_ms, end_ms, piece=960):
    position, end = begin_ms * SAMPLES_PER_MS, end_ms * SAMPLES_PER_MS
    pieces, told = [], []
    while position < end:
        count = min(piece, end - position)
        samples, what = player.render(position, count)
        assert len(samples) == count
        pieces.append(samples)
        told += what
        position += count
    return np.concatenate(pieces), told


def test_an_interrupted_recording_goes_on_where_it_was():
    sound, _ = rendered(zone(fade=0)[0], 0, 2_000)
    ms = SAMPLES_PER_MS
    assert np.all(sound[: 100 * ms] == 0)
    assert np.array_equal(sound[100 * ms : 400 * ms], SHELF["a"][: 300 * ms])
    assert np.array_equal(sound[400 * ms : 900 * ms], SHELF["alarm"])
    assert np.array_equal(sound[900 * ms : 1_600 * ms], SHELF["a"][300 * ms :])
    assert np.all(sound[1_600 * ms :] == 0)


@pytest.mark.parametrize("piece", [1, 7, 441, 48_001])
def test_cut_anywhere(piece):
    end = 120 if piece == 1 else 1_700
    whole, _ = rendered(zone()[0], 90, end)
    cut, _ = rendered(zone()[0], 90, end, piece)
    assert np.allclose(whole, cut, atol=1e-6)


def test_after_a_restart_it_plays_from_where_the_clock_says():
    whole, _ = rendered(zone(fade=0)[0], 0, 2_000)
    for begin_ms in (150, 401, 1_000, 1_599):
        after, _ = rendered(zone(fade=0)[0], begin_ms, 2_000)
        assert np.array_equal(after, whole[begin_ms * SAMPLES_PER_MS :])


def test_a_jump_of_the_clock_is_a_turn():
    player, _ = zone(fade=0)
    rendered(player, 0, 200)
    sound, _ = rendered(player, 1_500, 1_550)
    assert np.array_equal(sound, SHELF["a"][900 * SAMPLES_PER_MS : 950 * SAMPLES_PER_MS])


def sources(told):
    names = [piece.source for piece in told if piece.job is not None]
    return [name for name, before in zip(names, [None, *names], strict=False) if name != before]


def test_a_broken_recording_falls_back_to_prepared_chime_and_silence():
    player, shelf = zone(
        [Job("a", "a", (Part("a", 1_000),), 0)], prepared="prepared", chime="chime"
    )
    shelf.recordings["prepared"] = tone(0.2, 0.2)
    first, told = rendered(player, 0, 300)
    shelf.broken.add("a")
    rest, more = rendered(player, 300, 1_000)
    assert sources(told + more) == ["item", "prepared", "chime", "silence"]
    sound = np.concatenate([first, rest])
    assert np.max(np.abs(np.diff(sound))) < 0.01  # no click and no hole
    assert np.min(sound[350 * SAMPLES_PER_MS : 450 * SAMPLES_PER_MS]) > 0.15


def relay_zone(live):
    job = Job("live", "live", (), 0, live="pipe:x", until_ms=5_000, until="played")
    return zone([job], {"pipe:x": live}, prepared="prepared", chime="chime")[0]


def test_a_relay_falls_back_and_comes_back_without_a_gap():
    live = Live()
    player = relay_zone(live)
    live.give(0.5)
    first, told = rendered(player, 0, 1_000)
    live.give(2.0)
    rest, more = rendered(player, 1_000, 1_500)
    assert sources(told + more) == ["live", "prepared", "live"]
    sound = np.concatenate([first, rest])
    assert np.all(sound[20 * SAMPLES_PER_MS :] > 0.15)
    assert np.max(np.abs(np.diff(sound))) < 0.01


def test_a_relay_that_never_comes_is_prepared_at_once():
    assert sources(rendered(relay_zone(Live()), 0, 500)[1]) == ["prepared"]


def test_a_relay_that_is_not_there_is_prepared_too():
    job = Job("live", "live", (), 0, live="pipe:x", until_ms=5_000, until="played")
    assert sources(rendered(zone([job], prepared="prepared")[0], 0, 500)[1]) == ["prepared"]


def test_between_bulletins_a_zone_is_silent():
    sound, told = rendered(zone(prepared="prepared")[0], 3_000, 4_000)
    assert not sound.any()
    assert {piece.source for piece in told} == {"silence"}


# What is told of it.


def told_of(player, begin_ms, end_ms, book=None):
    book = book or StatusBook("tri-ton.1", begin_ms)
    records = []
    for now in range(begin_ms, end_ms, 20):
        _, what = player.render(now * SAMPLES_PER_MS, 20 * SAMPLES_PER_MS)
        records += book.rendered(what, player.timeline.endings)
        records += book.ended(player.timeline.endings, now + 20)
    return records


def test_every_turn_and_end_is_told():
    records = told_of(zone()[0], 0, 2_000)
    assert [(one["event"], one["name"], one["outcome"]) for one in records] == [
        ("began", "a", None),
        ("interrupted", "a", None),
        ("began", "alarm", None),
        ("ended", "alarm", "played"),
        ("resumed", "a", None),
        ("ended", "a", "played"),
    ]
    assert records[-1]["played_s"] == 1.0
    assert records[-1]["began"] == "1970-01-01T00:00:00.100Z"
    assert records[-1]["time"] == "1970-01-01T00:00:01.600Z"


def test_what_ends_within_a_block_was_not_interrupted():
    player, _ = zone([Job("a", "a", (Part("a", 1_000),), 10)])
    records = told_of(player, 0, 1_100)
    assert [(one["event"], one["outcome"]) for one in records] == [
        ("began", None),
        ("ended", "played"),
    ]
    assert records[-1]["time"] == "1970-01-01T00:00:01.010Z"


def test_what_was_not_heard_whole_is_partial():
    assert told_of(zone()[0], 1_000, 2_000)[-1]["outcome"] == "partial"
    player, shelf = zone([Job("a", "a", (Part("a", 1_000),), 0)], prepared="prepared")
    shelf.broken.add("a")
    last = told_of(player, 0, 1_100)[-1]
    assert (last["outcome"], last["played_s"], last["seconds"]) == ("partial", 0, {"prepared": 1.0})


def test_what_never_began_is_told():
    plan = [
        Job("a", "a", (Part("a", 1_000),), 0),
        Job("b", "b", (Part("a", 1_000),), 10, latest_ms=500),
        Job("c", "c", (Part("a", 1_000),), 10, until_ms=700, until="cancelled"),
    ]
    records = told_of(zone(plan)[0], 0, 1_100)
    ends = {one["name"]: one["outcome"] for one in records if one["event"] == "ended"}
    assert ends == {"a": "played", "b": "missed", "c": "cancelled"}


def test_what_ended_before_the_start_is_not_told():
    assert told_of(zone()[0], 2_000, 2_100) == []


def test_a_change_of_source_is_told():
    live = Live()
    player = relay_zone(live)
    live.give(0.5)
    records = told_of(player, 0, 1_000)
    assert [(one["event"], one["source"]) for one in records] == [
        ("began", "live"),
        ("source", "prepared"),
    ]
