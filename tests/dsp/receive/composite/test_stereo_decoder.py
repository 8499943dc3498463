"""Decoded audio: distortion, separation, de-emphasis, the pilot gone, loudness as sent."""

import numpy as np
import pytest

from dsp.fm.profiles import PROFILES
from dsp.measure.loudness import KWeightedEnergy, integrated_lufs
from dsp.receive.composite.stereo_decoder import stereo_share
from dsp.receive.station_meters import StationMeters
from tests.dsp.receive.radio import RATE, multiplex, on_air, tone
from tests.naive import receiver as naive

SHARE_HZ = 75_000.0 - 6_750.0


def emphasised(wave, tau_us=50.0):
    frequency = np.fft.rfftfreq(len(wave), 1.0 / RATE)
    return np.fft.irfft(np.fft.rfft(wave) * (1 + 2j * np.pi * frequency * tau_us * 1e-6), len(wave))


def decoded(composite_hz, profile="75k50us", cn_db=None):
    composite, iq = on_air(composite_hz, cn_db=cn_db)
    meters = StationMeters(PROFILES[profile], phase_step=cn_db is not None)
    return meters.process(composite, iq), meters


def line(frames, frequency_hz):
    """Complex amplitude of a line in a second of audio, per channel."""
    n = len(frames)
    turn = np.exp(-2j * np.pi * frequency_hz * np.arange(n) / 48_000)
    return 2.0 * np.mean(frames.astype(float) * turn[:, None], axis=0)


def residue(frames, frequency_hz):
    """Everything but one line, relative to it."""
    n = len(frames)
    bins = np.fft.rfft(frames.astype(float), axis=0)
    bins[0] = 0.0
    total = np.sum(np.abs(bins) ** 2, axis=0)
    place = round(frequency_hz * n / 48_000)
    signal = np.abs(bins[place]) ** 2
    return np.sqrt((total - signal) / signal)


@pytest.mark.parametrize("frequency", [100, 1_000, 5_000, 10_000])
def test_mono_distortion_is_below_0_05_percent(frequency):
    wave = emphasised(tone(frequency, 0.2, 3))
    records, _ = decoded(75_000.0 * wave)
    # Not in the first second: the stream began with a step there.
    assert residue(records[1].audio, frequency).max() < 5e-4


@pytest.mark.parametrize("frequency", [40, 400, 1_000, 6_300, 15_000])
@pytest.mark.parametrize("clock", [1.0, 1.0001])
def test_separation_is_50_db(frequency, clock):
    left = emphasised(tone(frequency, 0.2, 2))
    for channel, pair in enumerate([(left, 0 * left), (0 * left, left)]):
        composite = multiplex(*pair, share_hz=SHARE_HZ, clock=clock)
        records, _ = decoded(composite)
        level = np.abs(line(records[0].audio[12_000:], frequency))
        assert 20 * np.log10(level[channel] / level[1 - channel]) > 50.0


@pytest.mark.parametrize(("tau_us", "profile"), [(50.0, "75k50us"), (75.0, "75k75us")])
def test_de_emphasis_is_flat_to_15_khz(tau_us, profile):
    for frequency in (50, 1_000, 3_183, 8_000, 14_900):
        left = emphasised(tone(frequency, 0.1, 2), tau_us)
        records, _ = decoded(multiplex(left, 0.5 * left, share_hz=SHARE_HZ), profile)
        level = np.abs(line(records[0].audio, frequency))
        np.testing.assert_allclose(20 * np.log10(level / [0.1, 0.05]), 0.0, atol=0.05)


def test_pilot_and_what_lies_beyond_are_60_db_down():
    composite = tone(19_000, 6_750.0, 2) + tone(19_500, 30_000.0, 2)
    records, _ = decoded(composite)
    audio = records[0].audio
    assert np.abs(line(audio, 19_000)).max() < 6_750.0 / SHARE_HZ * 1e-3
    assert np.abs(line(audio, 19_500)).max() < 30_000.0 / SHARE_HZ * 1e-3


def test_the_audio_is_that_of_the_twin():
    rng = np.random.default_rng(4)
    keep = np.fft.rfftfreq(2 * RATE, 1.0 / RATE)
    sides = []
    for _ in range(2):
        bins = np.fft.rfft(rng.standard_normal(2 * RATE)) * ((keep > 50) & (keep < 14_000))
        wave = np.fft.irfft(bins, 2 * RATE)
        sides.append(0.1 * wave / wave.std())
    composite = multiplex(emphasised(sides[0]), emphasised(sides[1]), share_hz=SHARE_HZ)
    records, _ = decoded(composite)
    phase = 2 * np.pi * 19_000 * np.arange(2 * RATE) / RATE
    twin = np.stack(naive.stereo(composite, phase, SHARE_HZ), axis=1)
    bins = np.fft.rfft(twin, axis=0) / (1 + 2j * np.pi * keep * 50e-6)[:, None]
    twin = np.fft.irfft(bins, 2 * RATE, axis=0)[:RATE:6]
    error = records[0].audio - twin
    # The slow filter that removes the carrier offset turns 50 Hz by a degree.
    assert np.sqrt(np.mean(error[4_800:] ** 2)) < 0.1 * 0.003


def test_without_a_pilot_it_is_mono():
    left = tone(1_000, 0.3, 2)
    records, meters = decoded(multiplex(left, -left, pilot_hz=0.0))
    assert meters.blend == 0.0
    np.testing.assert_array_equal(records[0].audio[:, 0], records[0].audio[:, 1])


def test_blend_goes_from_mono_to_stereo():
    assert [stereo_share(cn, pilot=True) for cn in (10, 15, 20, 25, 40)] == [0, 0, 0.5, 1, 1]
    assert stereo_share(40.0, pilot=False) == 0.0
    left = emphasised(tone(1_000, 0.3, 2))
    weak, meters = decoded(multiplex(left, -left), cn_db=13.0)
    assert meters.blend == 0.0
    assert weak[0].audio.std() < 0.1
    _, meters = decoded(multiplex(left, -left), cn_db=30.0)
    assert meters.blend == 1.0


@pytest.mark.parametrize("offset_hz", [0.0, 5_000.0])
def test_loudness_is_that_of_the_source(offset_hz):
    level = np.repeat([0.5, 0.1, 0.3, 0.25, 0.05], RATE)
    left = level * tone(997, 1.0, 5)
    source = np.ascontiguousarray(np.stack([left, 0.5 * left], axis=1)[::6], np.float32)
    composite = multiplex(emphasised(left), emphasised(0.5 * left), share_hz=SHARE_HZ)
    records, _ = decoded(composite + offset_hz)
    meter = KWeightedEnergy(48_000, 2)
    meter.process(source)
    energies = meter.energies()
    for record in records:
        end = 100 * (record.second + 1)
        wanted = -0.691 + 10 * np.log10(energies[end - 40 : end].mean())
        assert record.figures["loudness_momentary_lufs"].value == pytest.approx(wanted, abs=0.05)
    whole = integrated_lufs(energies[: 100 * len(records)])
    assert records[-1].figures["loudness_integrated_lufs"].value == pytest.approx(whole, abs=0.1)
    short = records[-1].figures["loudness_short_term_lufs"].value
    wanted = -0.691 + 10 * np.log10(energies[100 : 100 * len(records)].mean())
    assert short == pytest.approx(wanted, abs=0.05)
    assert records[1].figures["loudness_short_term_lufs"].invalid == "support too short"


def test_balance_and_correlation():
    left = emphasised(tone(1_000, 0.4, 2))
    figures = decoded(multiplex(left, 0.5 * left, share_hz=SHARE_HZ))[0][0].figures
    assert figures["balance_db"].value == pytest.approx(6.02, abs=0.05)
    assert figures["correlation"].value == pytest.approx(1.0, abs=1e-3)
    figures = decoded(multiplex(left, -left, share_hz=SHARE_HZ))[0][0].figures
    assert figures["correlation"].value == pytest.approx(-1.0, abs=1e-3)
