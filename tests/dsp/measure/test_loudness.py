"""K-weighted energy against its float64 twin, weights of channels, gating at its edges."""

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.measure import loudness
from dsp.measure.channels import channel_weights
from dsp.measure.k_weighting import k_weighting
from dsp.measure.loudness import KWeightedEnergy
from tests.dsp.measure.signals import frames, measure, speech_like, tone
from tests.naive import meters

TABLE_48K = [1.53512485958697, -2.69169618940638, 1.19839281085285]


def energies(sound, rate, **options):
    meter = KWeightedEnergy(rate, sound.shape[1], **options)
    meter.process(sound)
    return meter.energies()


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_energy_equals_the_float64_twin(rate):
    rng = np.random.default_rng(rate)
    # 17.5 s: the second chunk is begun. Noise that falls by 80 dB, on a strong 30 Hz tone that
    # the high-pass has to take away.
    n = np.arange(round(17.5 * rate))
    noise = rng.standard_normal((len(n), 2)) * 10 ** (-4 * n / len(n))[:, None] * 0.1
    sound = (noise + 0.2 * np.sin(2 * np.pi * 30 * n / rate)[:, None]).astype(np.float32)
    found = energies(sound, rate)
    expected = meters.energy_10ms(sound.astype(np.float64), rate, [1, 1])
    assert len(found) == len(expected) == 1750
    # float32 sums of up to 1920 squares: below 1e-4, or 0.0005 dB.
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_noise_after_a_loud_passage_is_measured_to_the_end():
    rate = 48_000
    rng = np.random.default_rng(1)
    sound = np.full((4 * rate, 1), 1.0)
    sound[2 * rate :] = rng.standard_normal((2 * rate, 1)) * 1e-4
    sound = sound.astype(np.float32)
    found = energies(sound, rate, mono_as="mono")
    expected = meters.energy_10ms(sound.astype(np.float64), rate, [1])
    np.testing.assert_allclose(found[230:], expected[230:], rtol=1e-3)


def test_coefficients_are_those_of_the_standard():
    design = k_weighting(48_000)
    np.testing.assert_allclose(design.shelf_b, TABLE_48K, rtol=1e-13)
    np.testing.assert_allclose(design.shelf_a, [-1.69065929318241, 0.73248077421585], rtol=1e-13)
    c1, c2 = design.high_pass_a
    np.testing.assert_allclose([c1, c2], [-1.99004745483398, 0.99007225036621], rtol=1e-13)
    assert design.damping == pytest.approx(2 + c1, rel=1e-10)
    assert design.stiffness == pytest.approx(1 + c1 + c2, rel=1e-8)


def test_int16_and_float32_give_the_same():
    sound = (tone([(-20, 2)], 48_000) * 32768).astype(np.int16)
    same = sound.astype(np.float32) / np.float32(32768)
    np.testing.assert_array_equal(energies(sound, 48_000), energies(same, 48_000))


def test_a_997_hz_sine_reads_its_level():
    # BS.1770 annex 1: full scale in one channel reads -3.01, in both 0.00.
    both = tone([(0, 5)], 48_000, hz=997)
    assert measure(both, 48_000).integrated_lufs == pytest.approx(0.0, abs=0.01)
    both[:, 1] = 0
    assert measure(both, 48_000).integrated_lufs == pytest.approx(-3.01, abs=0.01)


def test_a_single_channel_counts_once_or_twice():
    sound = tone([(-20, 5)], 48_000, channels=1)
    mono = measure(sound, 48_000, mono_as="mono")
    dual = measure(sound, 48_000)
    assert dual.mono_as == "dual-mono"
    assert dual.integrated_lufs - mono.integrated_lufs == pytest.approx(3.01, abs=0.001)


@pytest.mark.parametrize("channels", [2, 3, 5, 6])
def test_only_mono_says_how_it_was_counted(channels):
    assert measure(tone([(-20, 1)], 48_000, channels=channels), 48_000).mono_as is None


def test_weights_of_the_layouts():
    expected = {2: [1, 1], 3: [1, 1, 0], 4: [1, 1, 1, 1], 5: [1, 1, 1, 1.41, 1.41]}
    expected[6] = [1, 1, 1, 0, 1.41, 1.41]
    for channels, weights in expected.items():
        np.testing.assert_array_equal(channel_weights(channels), weights)


@pytest.mark.parametrize("channels", [3, 4, 6])
def test_many_channels_equal_the_twin(channels):
    rng = np.random.default_rng(channels)
    sound = (rng.standard_normal((24_000, channels)) * 0.05).astype(np.float32)
    expected = meters.energy_10ms(sound.astype(float), 16_000, channel_weights(channels))
    np.testing.assert_allclose(energies(sound, 16_000), expected, rtol=1e-4)


def test_figures_equal_the_twin_on_speech():
    sound = frames(speech_like(30, 16_000))
    energy = meters.energy_10ms(sound.astype(float), 16_000, [2])
    found = measure(sound, 16_000)
    assert found.integrated_lufs == pytest.approx(meters.integrated(energy), abs=0.001)
    assert found.max_momentary_lufs == pytest.approx(meters.loudest(energy, 40), abs=0.001)
    assert found.max_short_term_lufs == pytest.approx(meters.loudest(energy, 300), abs=0.001)


def test_nothing_above_the_gate_is_no_loudness():
    assert loudness.integrated_lufs(np.full(100, loudness.energy_of(-71))) is None
    assert loudness.integrated_lufs(np.full(100, loudness.energy_of(-69))) == pytest.approx(-69)
    assert loudness.loudness_range_lu(np.full(1000, loudness.energy_of(-71))) is None
    assert loudness.integrated_lufs(np.ones(39)) is None
    assert loudness.max_short_term_lufs(np.ones(299)) is None


def test_an_incomplete_block_is_dropped():
    quiet, loud = loudness.energy_of(-30), loudness.energy_of(-10)
    energy = np.concatenate((np.full(40, quiet), np.full(9, loud)))
    assert loudness.integrated_lufs(energy) == pytest.approx(-30)


def test_a_wrong_piece_is_refused_and_changes_nothing():
    meter = KWeightedEnergy(48_000, 2)
    sound = tone([(-20, 1)], 48_000)
    meter.process(sound)
    for wrong in (sound.astype(np.float64), sound[:, :1].copy(), sound[::2]):
        with pytest.raises(BlockContractError):
            meter.process(wrong)
    np.testing.assert_array_equal(meter.energies(), energies(sound, 48_000))


@pytest.mark.parametrize(("rate", "channels"), [(7_999, 1), (192_001, 1), (48_000, 0), (48_000, 7)])
def test_wrong_construction(rate, channels):
    with pytest.raises(ValueError, match="expected"):
        KWeightedEnergy(rate, channels)
