"""The gate: a bulletin goes through, a stranger does not, not for a quarter of a second."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from dsp.align.same_wave import WINDOW, compare_waves
from dsp.align.speech_band import speech_band
from dsp.contract import BlockContractError
from ingest.watch.content_gate import MOST_HOLD_S, RATE_HZ, ContentGate
from ingest.watch.watched_station import References

BULLETIN = Path(__file__).parents[3] / "examples" / "bulletin-vi.flac"
LEAD_S = 1.3
HOLD_S = 1.25
STEP = 960


@pytest.fixture(scope="module")
def bulletin():
    sound, rate_hz = soundfile.read(BULLETIN, dtype="float32")
    return soxr.resample(sound, rate_hz, RATE_HZ)[: 30 * RATE_HZ].astype(np.float32)


@pytest.fixture(scope="module")
def references(bulletin):
    return References.of({"bulletin": bulletin}, RATE_HZ)


@pytest.fixture(scope="module")
def on_air(bulletin):
    """The bulletin as a receiver hears it: late, softer, with hiss 25 dB under it."""
    lead = np.zeros(round(LEAD_S * RATE_HZ), np.float32)
    tail = np.zeros(3 * RATE_HZ, np.float32)
    sound = np.concatenate([lead, 0.5 * bulletin, tail])
    hiss = np.random.default_rng(3).standard_normal(len(sound)) * np.std(sound) * 10 ** (-25 / 20)
    return (sound + hiss).astype(np.float32)


@pytest.fixture(scope="module")
def stranger(bulletin):
    """Another text in the same voice: what the bulletin says later on."""
    sound, rate_hz = soundfile.read(BULLETIN, dtype="float32")
    other = soxr.resample(sound, rate_hz, RATE_HZ)[35 * RATE_HZ : 55 * RATE_HZ]
    return (0.5 * other).astype(np.float32)


def gated(references, sound, hold_s=HOLD_S, step=STEP):
    """Return sound and what passed, the delay taken out."""
    gate = ContentGate(references.index, references.bands, hold_s)
    rest = np.zeros(gate.delay_samples, np.float32)
    line = np.concatenate([sound, rest])
    pieces = [gate.process(line[at : at + step].copy()) for at in range(0, len(line), step)]
    out, passed = (np.concatenate(part)[gate.delay_samples :] for part in zip(*pieces, strict=True))
    return out, passed, gate


def loudest(sound, seconds):
    """Return the loudest piece of that length."""
    count = round(seconds * RATE_HZ)
    sums = np.concatenate([[0.0], np.cumsum(sound.astype(np.float64) ** 2)])
    start = int(np.argmax(sums[count:] - sums[:-count]))
    return sound[start : start + count]


def share(passed, from_s, to_s):
    return passed[round(from_s * RATE_HZ) : round(to_s * RATE_HZ)].mean()


def test_what_was_recognised_goes_through_unchanged(references, on_air):
    out, passed, _ = gated(references, on_air)
    # Believed after nearly nine spoken seconds and the recogniser's own delay.
    first_s = np.flatnonzero(passed)[0] / RATE_HZ
    assert 9.0 < first_s < LEAD_S + 13.0
    assert share(passed, first_s, LEAD_S + 29.5) == 1.0
    inside = slice(round((first_s + 0.1) * RATE_HZ), round((LEAD_S + 29.0) * RATE_HZ))
    np.testing.assert_array_equal(out[inside], on_air[inside])
    assert not out[~passed].any()


def test_with_a_long_hold_its_first_word_goes_through_too(references, on_air):
    _, passed, _ = gated(references, on_air, hold_s=15.0)
    assert share(passed, LEAD_S, LEAD_S + 29.5) == 1.0


@pytest.mark.parametrize(("from_s", "to_s"), [(17.3, 22.1), (19.05, 20.2), (20.0, 20.6)])
def test_a_stranger_in_mid_bulletin_is_not_heard(references, on_air, stranger, from_s, to_s):
    sound = on_air.copy()
    first, last = round(from_s * RATE_HZ), round(to_s * RATE_HZ)
    sound[first:last] = loudest(stranger, to_s - from_s)[: last - first]
    out, passed, _ = gated(references, sound)
    assert share(passed, from_s, to_s) == 0.0
    assert not out[first:last].any()
    # The own voice is back within 1 s, and was there until a second before.
    assert share(passed, to_s + 1.0, LEAD_S + 29.5) == 1.0
    assert share(passed, from_s - 3.0, from_s - 1.0) == 1.0


def test_a_stranger_in_a_pause_of_the_bulletin_is_not_heard(bulletin, stranger):
    text = bulletin.copy()
    text[18 * RATE_HZ : 20 * RATE_HZ] = 0.0
    references = References.of({"bulletin": text}, RATE_HZ)
    sound = np.concatenate([text, np.zeros(2 * RATE_HZ, np.float32)])
    _, undisturbed, _ = gated(references, sound)
    assert share(undisturbed, 16.0, 22.0) == 1.0
    second = 2 * loudest(stranger, 1.0)
    sound[round(18.5 * RATE_HZ) : round(19.5 * RATE_HZ)] = second
    out, passed, _ = gated(references, sound)
    # What lies 11 dB under the own voice counts as nothing: the rise of a word may.
    assert share(passed, 18.75, 19.5) == 0.0
    heard = out[round(18.5 * RATE_HZ) : round(18.75 * RATE_HZ)]
    assert np.mean(heard**2) < 0.01 * np.mean(second**2)


def test_behind_the_bulletin_nobody_else_is_let_through(references, on_air, stranger):
    end_s = LEAD_S + 30.0
    sound = np.concatenate([on_air[: round(end_s * RATE_HZ)], stranger])
    out, passed, gate = gated(references, sound)
    assert share(passed, end_s + 0.25, end_s + 20.0) == 0.0
    assert np.mean(out[round(end_s * RATE_HZ) :] ** 2) < 1e-3 * np.mean(stranger**2)
    assert gate.state.reference is None


@pytest.mark.parametrize("hold_s", [HOLD_S, 15.0])
def test_an_unknown_voice_alone_is_never_heard(references, stranger, hold_s):
    _, passed, gate = gated(references, np.tile(stranger, 2), hold_s)
    assert not passed.any()
    assert gate.state.verdict != "match"


def test_hiss_and_silence_are_not_heard(references):
    hiss = np.random.default_rng(1).standard_normal(10 * RATE_HZ).astype(np.float32) * 0.2
    assert not gated(references, hiss)[1].any()
    assert not gated(references, np.zeros(5 * RATE_HZ, np.float32))[1].any()


@pytest.mark.parametrize("step", [4_800, 12_345])
def test_cut_anywhere(references, on_air, step):
    sound = on_air[: 20 * RATE_HZ]
    whole, passed, _ = gated(references, sound)
    cut, through, _ = gated(references, sound, step=step)
    np.testing.assert_array_equal(through, passed)
    np.testing.assert_array_equal(cut, whole)


def test_the_state_tells_what_is_heard(references, on_air, stranger):
    gate = ContentGate(references.index, references.bands)
    assert gate.state.verdict == "silence"
    gate.process(on_air[: 17 * RATE_HZ])
    state = gate.state
    assert (state.verdict, state.reference, state.passing) == ("match", "bulletin", True)
    assert state.place_s == pytest.approx(17.0 - LEAD_S, abs=0.02)
    assert state.likeness > 0.8
    gate.process(stranger[RATE_HZ : 4 * RATE_HZ])
    state = gate.state
    assert (state.verdict, state.reference, state.passing) == ("stranger", "bulletin", False)


@pytest.mark.parametrize("hold_s", [0.0, 1.2, MOST_HOLD_S + 1, float("nan")])
def test_a_hold_that_cannot_keep_the_promise_is_refused(references, hold_s):
    with pytest.raises(ValueError, match="hold_s: expected"):
        ContentGate(references.index, references.bands, hold_s)


def test_samples_that_are_not_finite_are_refused(references):
    gate = ContentGate(references.index, references.bands)
    with pytest.raises(BlockContractError):
        gate.process(np.array([np.nan], np.float32))


def test_a_waveform_beside_itself_and_beside_another(bulletin):
    band = speech_band(bulletin, RATE_HZ)
    here, there = band[8_000 : 8_000 + WINDOW], band[40_000 : 40_000 + WINDOW]
    assert compare_waves(here, here, 0.004).correlation == pytest.approx(1.0, abs=1e-3)
    late = band[8_000 - 16 : 8_000 - 16 + WINDOW]
    assert compare_waves(here, late, 0.004).lag_s == pytest.approx(0.002, abs=1 / 8_000)
    assert compare_waves(here, there, 0.004).correlation < 0.4
    assert compare_waves(here, np.zeros_like(here), 0.004).correlation == 0.0
