"""The channelizer: tones at any rate and offset, a slow twin, neighbours, time, kinds of input."""

from fractions import Fraction

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.receive.composite.discriminator import Discriminator
from dsp.receive.front.channel_plan import design_channel, plan_bank
from dsp.receive.front.channelizer import Channelizer
from tests.dsp.stream_contract_suite import StreamContract, run_in_pieces
from tests.naive.channels import as_u8, channel, tone
from tests.naive.discriminating import fm_tone

OUT_HZ = 288_000
RATES = [240_000, 250_000, 256_000, 1_024_000, 2_000_000, 2_048_000, 2_400_000, 3_200_000]
AWKWARD = [225_001, 228_000, 900_001, 1_400_000, 2_400_001, 3_199_999]


def whole(channelizer, samples):
    """Everything a capture gives, to its very end."""
    return np.concatenate([channelizer.process(samples), channelizer.flush()], axis=1)


class ChannelContract(StreamContract):
    rate_hz = 256_000
    rate = Fraction(OUT_HZ, 256_000)
    total = 30_000
    few = 10_000

    def make(self):
        return Channelizer(self.rate_hz, [-11_000.0, 7_000.5])

    def test_as_many_samples_come_out_as_the_rate_says(self):
        block = self.make()
        samples = self.piece(self.total)
        given = whole(block, samples).shape[-1]
        assert given == -(-self.total * self.rate.numerator // self.rate.denominator)
        assert block.output_index >= given

    def test_silence_and_denormals_stay_finite(self):
        values = (127, 128, 0, 255) if self.kind == "iq8" else (0.0, 1e-42, 1.0, -1.0)
        block = self.make()
        for value in values:
            assert np.isfinite(block.process(np.full_like(self.piece(20_000), value))).all()


class TestContractOfBytes(ChannelContract):
    kind = "iq8"


class TestContractOfComplex(ChannelContract):
    kind = "iq"


class TestContractOfAnAwkwardRate(ChannelContract):
    kind = "iq"
    rate_hz = 250_003
    rate = Fraction(OUT_HZ, 250_003)


class TestContractOfAFastCapture(ChannelContract):
    kind = "iq8"
    rate_hz = 2_400_000
    rate = Fraction(OUT_HZ, 2_400_000)
    total = 300_000
    few = 1_000

    def make(self):
        return Channelizer(self.rate_hz, [-711_000.0, 0.0, 400_000.25])


@pytest.mark.parametrize("rate_hz", RATES + AWKWARD)
def test_a_tone_keeps_level_phase_and_time(rate_hz):
    rng = np.random.default_rng(rate_hz)
    room = rate_hz / 2 - 28_000 - 20_000
    offset = float(np.round(rng.uniform(-room, room), 3))
    block = Channelizer(rate_hz, [offset])
    width = block.half_widths_hz[0]
    n = rate_hz // 10
    for beside in (0.0, rng.uniform(-1, 1) * width, -width, width):
        block.reset()
        iq = tone(n, rate_hz, offset + beside, 0.7, 1.0).astype(np.complex64)
        [got] = whole(block, iq)
        expected = tone(len(got), OUT_HZ, beside, 0.7, 1.0)
        inner = slice(300, -300)
        # Flat within 0.01 dB, one tenth of what is asked for; float32 input phases: 1e-6.
        np.testing.assert_allclose(got[inner], expected[inner], rtol=0, atol=0.7 * 1.2e-3)


def test_phases_do_not_drift():
    rate_hz, offset = 2_400_000, 623_456.789
    block = Channelizer(rate_hz, [offset])
    hour = 3_600 * rate_hz
    block.resume(hour)
    n = rate_hz // 10
    turns = [
        (offset_millihertz * (hour + k) % (rate_hz * 1000)) / (rate_hz * 1000)
        for k in range(n)
        for offset_millihertz in (623_456_789,)
    ]
    iq = np.exp(2j * np.pi * np.array(turns)).astype(np.complex64)
    first = block.output_index
    [got] = block.process(iq)
    begins = OUT_HZ * 3_600 - first + 2_000
    np.testing.assert_allclose(got[begins:], 1.0, rtol=0, atol=1e-4)


@pytest.mark.parametrize("rate_hz", [256_000, 1_024_000, 2_400_000])
@pytest.mark.parametrize("kind", ["iq", "iq8"])
def test_equals_the_slow_twin(rate_hz, kind):
    n = rate_hz // 10
    rng = np.random.default_rng(4)
    iq = 0.1 * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    samples = as_u8(iq) if kind == "iq8" else iq.astype(np.complex64)
    offset = 0.3 * rate_hz + 17.25
    block = Channelizer(rate_hz, [offset])
    [got] = whole(block, samples)
    taps = design_channel(rate_hz, block.half_widths_hz[0], plan_bank(rate_hz).guard)
    expected = channel(samples, rate_hz, offset, taps)
    inner = slice(300, -300)
    error = np.sqrt(np.mean(np.abs(got[inner] - expected[inner]) ** 2))
    # What is left is the stop band, cut off where it folds: -86 dB of noise of 0.14.
    assert error < 2e-5


@pytest.mark.parametrize("spacing_hz", [300_000.0, 400_000.0, -400_000.0, 800_000.0])
def test_a_neighbour_twenty_decibels_up_is_seventy_down(spacing_hz):
    rate_hz, offset = 2_400_000, -200_000.0
    n = rate_hz // 10
    block = Channelizer(rate_hz, [offset])
    worst = 0.0
    for within in np.linspace(-128_000, 128_000, 9):
        block.reset()
        iq = tone(n, rate_hz, offset + spacing_hz + within, 1.0).astype(np.complex64)
        [got] = block.process(iq)
        worst = max(worst, np.abs(got[300:]).max())
    assert 20 * np.log10(worst) < -80.0


def test_every_station_is_its_own():
    rate_hz, n = 2_400_000, 240_000
    offsets = [-1_000_000.0, -600_000.0, 0.0, 250_000.0, 1_050_000.0]
    iq = sum(tone(n, rate_hz, f + 1_000.0 * (i + 1), 0.1 * (i + 1)) for i, f in enumerate(offsets))
    got = Channelizer(rate_hz, offsets).process(iq.astype(np.complex64))
    for i, row in enumerate(got):
        expected = tone(len(row), OUT_HZ, 1_000.0 * (i + 1), 0.1 * (i + 1))
        np.testing.assert_allclose(row[300:], expected[300:], rtol=0, atol=2e-4)


@pytest.mark.parametrize(
    ("tone_hz", "deviation_hz", "under_reading_hz"),
    [
        (1_000.0, 75_000.0, 10.0),
        (1_000.0, 110_000.0, 10.0),
        (1_000.0, 130_000.0, 100.0),
        (10_000.0, 75_000.0, 20.0),
        (10_000.0, 110_000.0, 1_100.0),
    ],
)
def test_peak_deviation_is_hardly_under_read(tone_hz, deviation_hz, under_reading_hz):
    rate_hz, offset = 2_400_000, 400_000.0
    iq = fm_tone(rate_hz // 5, rate_hz, tone_hz, deviation_hz, offset)
    [baseband] = Channelizer(rate_hz, [offset]).process(iq)
    composite = Discriminator().process(np.ascontiguousarray(baseband))[3_000:]
    peak_hz = 1e5 * np.abs(composite).max()
    assert -under_reading_hz < peak_hz - deviation_hz < under_reading_hz


def test_a_narrow_channel_keeps_a_close_neighbour_out():
    rate_hz, offset, n = 2_400_000, 0.0, 480_000
    block = Channelizer(rate_hz, [offset], half_width_hz=80_000.0)
    neighbour = tone(n, rate_hz, 108_000.0).astype(np.complex64)
    assert np.abs(block.process(neighbour)[0, 300:]).max() < 1e-4


def test_group_delay_is_nothing_everywhere():
    rate_hz, n = 2_400_000, 120_000
    block = Channelizer(rate_hz, [500_000.0])
    impulse = np.zeros(n, np.complex64)
    impulse[60_000] = 1.0  # output sample 7200 exactly
    [response] = block.process(impulse)
    around = response[7_200 - 1_000 : 7_200 + 1_000]
    spectrum = np.fft.fft(np.fft.ifftshift(around))
    flat = np.abs(np.fft.fftfreq(2_000, 1 / OUT_HZ)) < 130_000
    turned = spectrum[flat] / spectrum[0]
    assert np.abs(np.angle(turned)).max() < 1e-3
    np.testing.assert_allclose(20 * np.log10(np.abs(turned)), 0.0, rtol=0, atol=0.02)


def test_a_gap_leaves_time_and_phase_as_they_were():
    rate_hz, offset, n = 2_400_000, 310_000.0, 480_000
    iq = tone(n, rate_hz, offset + 5_000.0).astype(np.complex64)
    block = Channelizer(rate_hz, [offset])
    lost_from, goes_on = 100_003, 260_001
    before = np.concatenate([block.process(iq[:lost_from]), block.flush()], axis=1)
    assert before.shape[1] == -(-lost_from * 3 // 25)
    block.resume(goes_on)
    first = block.output_index
    after = block.process(iq[goes_on:])
    assert first <= goes_on * 3 // 25
    expected = tone(n, OUT_HZ, 5_000.0)
    np.testing.assert_allclose(
        before[0, 300:-150], expected[300 : before.shape[1] - 150], atol=1e-4
    )
    begins = goes_on * 3 // 25 + 150
    np.testing.assert_allclose(
        after[0, begins - first :], expected[begins : first + after.shape[1]], rtol=0, atol=1e-4
    )


def test_bytes_and_complex_are_the_same_capture():
    rate_hz, n = 2_400_000, 240_000
    iq8 = as_u8(0.5 * fm_tone(n, rate_hz, 1_000.0, 50_000.0, 300_000.0))
    iq = ((iq8.astype(np.float32) - 127.5) / 127.5).view(np.complex64)
    one = Channelizer(rate_hz, [300_000.0]).process(iq8)
    other = Channelizer(rate_hz, [300_000.0]).process(iq)
    # Silence before the start is half a code of bytes.
    np.testing.assert_allclose(one[:, 100:], other[:, 100:], rtol=0, atol=1e-5)


def test_the_two_kinds_do_not_mix():
    block = Channelizer(2_400_000, [0.0])
    block.process(np.zeros(1_000, np.uint8))
    with pytest.raises(BlockContractError, match="uint8"):
        block.process(np.zeros(1_000, np.complex64))


def test_pieces_of_any_size_with_a_gap_of_the_bridge():
    rate_hz = 900_001
    iq = tone(90_000, rate_hz, 12_345.0).astype(np.complex64)
    cut = run_in_pieces(Channelizer(rate_hz, [10_000.0]), iq, [1, 17, 40_000, 40_001, 80_000])
    np.testing.assert_array_equal(cut, Channelizer(rate_hz, [10_000.0]).process(iq))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"rate_hz": 100_000}, "rate_hz"),
        ({"rate_hz": 3_200_001}, "rate_hz"),
        ({"rate_hz": 2.4e6}, "rate_hz"),
        ({"offsets_hz": []}, "offsets_hz"),
        ({"offsets_hz": [1_190_000.0]}, "offsets_hz"),
        ({"offsets_hz": [float("nan")]}, "offsets_hz"),
        ({"half_width_hz": 200_000.0}, "half_width_hz"),
        ({"half_width_hz": 5_000.0}, "half_width_hz"),
        ({"half_width_hz": [1e5, 1e5]}, "half_width_hz"),
    ],
)
def test_what_cannot_be_is_refused(keywords, message):
    with pytest.raises(ValueError, match=f"{message}: expected"):
        Channelizer(**{"rate_hz": 2_400_000, "offsets_hz": [0.0]} | keywords)
