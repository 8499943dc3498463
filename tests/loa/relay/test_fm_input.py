"""Off the air: the bulletin is relayed, a stranger is not, the fallback speaks instead."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from dsp.align.delay import measure_delay
from dsp.coder.multiplex import Multiplex
from dsp.coder.settings import MultiplexSettings
from dsp.receive.meters.figure import Figure
from loa.relay.blocks import BLOCK_S
from loa.relay.fm_input import FmInput
from loa.relay.loop import Relay
from loa.relay.settings import parse_relay
from loa.relay.status_line import record_of
from transmit.multiplex_file import MultiplexFile

RATE = 48_000
BULLETIN = Path(__file__).parents[3] / "examples" / "bulletin-vi.flac"
FROM_S, TO_S = 18.3, 24.6


class Given:
    """A clock that the test moves."""

    def __init__(self):
        self.now_s = 0.0

    def monotonic_s(self):
        return self.now_s

    def now_utc(self):
        return datetime.fromtimestamp(1_780_000_000.0 + self.now_s, UTC)


@pytest.fixture(scope="module")
def sounds():
    sound, rate_hz = soundfile.read(BULLETIN, dtype="float32")
    whole = soxr.resample(sound, rate_hz, RATE).astype(np.float32)
    bulletin, stranger = whole[: 30 * RATE], whole[36 * RATE : 60 * RATE]
    on_air = np.concatenate([bulletin, np.zeros(2 * RATE, np.float32)])
    first, last = round(FROM_S * RATE), round(TO_S * RATE)
    on_air[first:last] = stranger[: last - first]
    return bulletin, stranger, on_air


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sounds):
    """A station's multiplex in which a stranger takes over in mid-bulletin; hiss on all of it."""
    place = tmp_path_factory.mktemp("air")
    bulletin, _, on_air = sounds
    soundfile.write(place / "bulletin.wav", bulletin, RATE)
    chime = 0.1 * np.sin(2 * np.pi * 700 * np.arange(RATE) / RATE)
    soundfile.write(place / "chime.wav", chime, RATE)
    coder = Multiplex(MultiplexSettings(), channels=1)
    composite = coder.process(np.ascontiguousarray(on_air[:, None]))
    hiss = np.random.default_rng(1).standard_normal(len(composite)) * 1e-3
    with MultiplexFile(place / "air.wav") as sink:
        sink.write((composite + hiss).astype(np.float32))
        sink.commit()
    return place


def relayed(folder, more, blocks, fallback='[[input]]\nsource = "file:chime.wav"\nrepeat = true\n'):
    """Relay the station to a line; return what came out and the source of every block."""
    text = f"""
id = "tri-ton"
through_ms = 200
leave_after_s = 1
[[input]]
source = "mpx:air.wav"
{more}
{fallback}
[[line]]
to = "file:line.wav"
"""
    clock, sources = Given(), []
    with Relay(parse_relay(text.encode()), folder, clock) as relay:
        air = relay.inputs[0]
        assert isinstance(air, FmInput)
        for _ in range(blocks):
            air.wait_until_received()
            relay.step(clock.now_s)
            clock.now_s += BLOCK_S
            sources.append(record_of(relay, clock)["source"])
        relay.finish()
        state = air.about()
    sound, _ = soundfile.read(folder / "line.wav", dtype="float32")
    return sound, np.array(sources, dtype=object), state


def between(sources, from_s, to_s, late_s):
    """Return the sources of the blocks in which these seconds of the bulletin are due."""
    return sources[round((from_s + late_s) / BLOCK_S) : round((to_s + late_s) / BLOCK_S)]


def test_a_stranger_in_mid_bulletin_is_never_relayed_and_the_fallback_speaks(folder, sounds):
    bulletin, stranger, _ = sounds
    gate = 'references = ["bulletin.wav"]'
    sound, sources, state = relayed(folder, gate, 35 * 50)
    air = sources == "mpx:air.wav"
    begun_s = np.flatnonzero(air)[0] * BLOCK_S
    assert begun_s < 14.0
    # What is relayed is the bulletin, and how late it comes in is the same before and after.
    start = round((begun_s + 0.5) * RATE)
    late = measure_delay(
        np.ascontiguousarray(bulletin[start - 4 * RATE :]),
        np.ascontiguousarray(sound[start : round((FROM_S + 1.0) * RATE)]),
        RATE,
        range_s=(-4.0, 4.0),
    )
    assert late.invalid is None
    late = Figure(late.value + 4.0, late.u)
    # The stranger is in the line nowhere: not at its own time, not anywhere.
    first = round((FROM_S + late.value) * RATE)
    last = round((TO_S + late.value) * RATE)
    there = measure_delay(
        np.ascontiguousarray(stranger[: last - first]),
        np.ascontiguousarray(sound[first - RATE : last + RATE]),
        RATE,
    )
    assert there.invalid is not None
    # The gate shut up to 0.75 s before; a second after that the chime speaks, and the bulletin is
    # back within a second.
    silent = round(0.2 * RATE)
    assert np.abs(sound[first : first + silent]).max() < 1e-3
    assert set(between(sources, FROM_S + 2.0, TO_S, late.value)) == {"file:chime.wav"}
    assert set(between(sources, TO_S + 1.0, 29.0, late.value)) == {"mpx:air.wav"}
    again = measure_delay(
        np.ascontiguousarray(bulletin[26 * RATE :]),
        np.ascontiguousarray(sound[round((25.5 + late.value) * RATE) :]),
        RATE,
        range_s=(-1.0, 1.0),
    )
    assert again.invalid is None
    assert again.value == pytest.approx(0.5, abs=0.005)
    assert state["gate"] == "match"
    # Behind the bulletin nobody is let through any more.
    assert set(sources[round((31.5 + late.value) / BLOCK_S) :]) == {"file:chime.wav"}


def test_with_a_long_hold_the_first_word_is_relayed_too(folder, sounds):
    bulletin = sounds[0]
    gate = 'references = ["bulletin.wav"]\nhold_s = 14'
    sound, sources, _ = relayed(folder, gate, 34 * 50)
    first = np.flatnonzero(sources == "mpx:air.wav")[0] * BLOCK_S
    assert 14.0 < first < 16.5
    late = measure_delay(
        np.ascontiguousarray(bulletin[: 10 * RATE]),
        np.ascontiguousarray(sound[14 * RATE :]),
        RATE,
        range_s=(0.0, 4.0),
    )
    assert late.invalid is None
    # Relayed from its beginning: the gate opens where the bulletin begins.
    assert first + 0.2 == pytest.approx(14.0 + late.value, abs=0.3)


def test_who_says_always_relays_whatever_is_there(folder):
    sound, sources, state = relayed(folder, 'pass = "always"', 12 * 50)
    assert np.flatnonzero(sources == "mpx:air.wav")[0] * BLOCK_S < 1.0
    assert state["gate"] == "always"
    assert np.abs(sound[5 * RATE :]).max() > 0.1


def test_without_a_fallback_there_is_silence(folder):
    sound, sources, _ = relayed(folder, 'references = ["bulletin.wav"]', 8 * 50, fallback="")
    assert set(sources) == {None}
    assert not sound.any()
