"""RDS from the multiplex: first group, clock and carrier errors, levels, phase, gaps, noise."""

import itertools

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.rds.shaping import PEAK_FORM_FACTOR
from dsp.receive.rds.demodulator import RdsDemodulator
from dsp.receive.rds.pilot import PILOT_HOP
from dsp.receive.rds.receiver import RdsReceiver
from tests.naive import rds as naive

RATE = 288_000
GROUPS = naive.random_groups(1, 60)
BITS = naive.bits_of(GROUPS)


def noise(seconds, level_hz, seed=0):
    """White noise, `level_hz` root mean square in the whole band."""
    rng = np.random.default_rng(seed)
    wave = rng.standard_normal(round(seconds * RATE), dtype=np.float32)
    return wave * np.float32(level_hz / 100_000)


def receive(samples, step=28_800):
    receiver = RdsReceiver()
    groups = []
    for start in range(0, len(samples), step):
        groups += receiver.process(samples[start : start + step])
    return groups + receiver.flush(), receiver


def whole(groups):
    return [g.blocks for g in groups if g.whole]


def sent(start_bits=0.0, seconds=2.0, ppm=0.0):
    """Groups that lie in the stretch as a whole."""
    end = seconds * 1187.5 * (1 + ppm * 1e-6) + start_bits
    return [g for i, g in enumerate(GROUPS) if i * 104 >= start_bits and (i + 1) * 104 <= end]


@pytest.mark.parametrize("start_bits", [0.0, 3.3, 50.7, 103.9])
def test_every_whole_group_of_a_clean_multiplex(start_bits):
    groups, receiver = receive(naive.composite(BITS, 2.0, start_bits=start_bits))
    assert whole(groups) == sent(start_bits)
    assert receiver.locked


@pytest.mark.parametrize(
    ("ppm", "pilot_hz", "phase_deg"),
    [(100, 6_750, 0), (-100, 0, 77), (200, 0, 90), (-200, 6_750, 45), (0, 0, 0)],
)
def test_clock_errors_with_and_without_pilot(ppm, pilot_hz, phase_deg):
    # 200 ppm: ±100 of the receiver, and the ±6 Hz of the standard as another 105 ppm.
    x = naive.composite(BITS, 2.0, ppm=ppm, pilot_hz=pilot_hz, phase_deg=phase_deg, start_bits=20)
    groups, receiver = receive(x)
    assert whole(groups) == sent(20, ppm=ppm)
    assert receiver.figures.ppm == pytest.approx(ppm, abs=0.5)


def test_the_sample_of_a_group_is_the_end_of_its_last_bit():
    groups, _ = receive(naive.composite(BITS, 2.0, ppm=50, start_bits=10.25))
    for group in groups:
        if group.whole:
            end = ((GROUPS.index(group.blocks) + 1) * 104 - 10.25) / 1187.5 / (1 + 50e-6) * RATE
            # A hundredth of a bit is 2.4 samples.
            assert abs(group.sample - end) < 3


@pytest.mark.parametrize("step", [1_000, 4_321, 28_800, 400_000])
def test_cut_anywhere(step):
    x = naive.composite(BITS, 1.2, start_bits=40) + noise(1.2, 3_000)
    assert receive(x, step)[0] == receive(x)[0]


def test_one_sample_pieces_and_empty_pieces():
    x = naive.composite(BITS, 1.0, start_bits=40)
    wanted = receive(x)[0]
    receiver = RdsReceiver()
    groups = receiver.process(x[:100_000])
    for n in range(100_000, 101_000):
        groups += receiver.process(x[n : n + 1])
        groups += receiver.process(x[:0])
    groups += receiver.process(x[101_000:]) + receiver.flush()
    assert groups == wanted
    receiver.reset()
    assert receiver.process(x) + receiver.flush() == wanted


def test_a_refused_piece_changes_nothing():
    x = naive.composite(BITS, 1.0, start_bits=40)
    bad = x[:1_000].copy()
    bad[3] = np.nan
    receiver = RdsReceiver()
    groups = receiver.process(x[:200_000])
    for piece in (bad, bad.astype(np.float64), x[:1_000:2], x[:1_000, None]):
        with pytest.raises(BlockContractError):
            receiver.process(piece)
    groups += receiver.process(x[200_000:]) + receiver.flush()
    assert groups == receive(x)[0]


def test_the_first_whole_group_is_given_sixty_milliseconds_after_its_last_bit():
    for start_bits in (1.0, 30.0, 60.0, 103.0):
        x = naive.composite(BITS, 1.0, start_bits=start_bits) + noise(1.0, 1_000)
        receiver = RdsReceiver()
        end = 208 - start_bits  # of the first whole group, in bits
        late = 0.06 * RATE
        for start in range(0, len(x), 2_880):
            if any(g.whole for g in receiver.process(x[start : start + 2_880])):
                assert start + 2_880 <= end / 1187.5 * RATE + late
                break
        else:
            pytest.fail("no group")


@pytest.mark.parametrize("level_hz", [700.0, 1_500.0, 5_000.0])
def test_level_in_both_conventions(level_hz):
    _, receiver = receive(naive.composite(BITS, 2.0, level_hz=level_hz) + noise(2.0, 500))
    figures = receiver.figures
    assert figures.level_hz == pytest.approx(level_hz, rel=0.01)
    assert figures.peak_level_hz == pytest.approx(level_hz * PEAK_FORM_FACTOR, rel=0.01)
    assert abs(figures.level_hz - level_hz) < max(figures.level_u_hz, 0.004 * level_hz)


def test_peak_level_is_the_peak_of_the_wave_that_was_sent():
    wave = naive.envelope(naive.bits_of(naive.random_groups(4, 60)), 5 * RATE)[RATE:]
    assert np.abs(wave).max() / np.sqrt(np.mean(wave**2)) == pytest.approx(
        PEAK_FORM_FACTOR, rel=0.01
    )


@pytest.mark.parametrize("phase_deg", [0.0, 10.0, 90.0, -30.0])
@pytest.mark.parametrize("pilot_phase_deg", [0.0, 123.0])
def test_phase_to_the_third_harmonic_of_the_pilot(phase_deg, pilot_phase_deg):
    # 1 kHz of white noise in 144 kHz is far worse than a carrier at C/N 40 dB makes it at 57 kHz.
    x = naive.composite(
        BITS, 2.0, phase_deg=phase_deg, pilot_phase_deg=pilot_phase_deg, ppm=30
    ) + noise(2.0, 1_000)
    _, receiver = receive(x)
    figures = receiver.figures
    wanted = (phase_deg + 45) % 180 - 45
    assert figures.phase_deg == pytest.approx(wanted, abs=1.0)
    assert abs(figures.phase_deg - wanted) < figures.phase_u_deg + 0.1


def test_no_phase_without_pilot_and_no_figures_without_rds():
    _, receiver = receive(naive.composite(BITS, 2.0, pilot_hz=0) + noise(2.0, 300))
    assert receiver.figures.phase_deg is None
    assert receiver.figures.level_hz == pytest.approx(1_500, rel=0.01)
    _, receiver = receive(noise(2.0, 5_000))
    assert receiver.figures is None


def test_programme_beside_the_subcarrier_does_not_matter():
    rng = np.random.default_rng(1)
    t = np.arange(2 * RATE) / RATE
    # A stereo side band up to its edge at 53 kHz, louder than the RDS by 30 dB.
    beside = sum(
        0.15 * np.cos(2 * np.pi * f * t + rng.uniform(0, 6))
        for f in (1_000.0, 14_900.0, 23_100.0, 45_000.0, 52_900.0)
    )
    x = (naive.composite(BITS, 2.0) + beside).astype(np.float32)
    groups, receiver = receive(x)
    assert whole(groups) == sent()
    assert receiver.figures.phase_deg == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("seed", range(3))
def test_relocks_within_a_second_after_a_noise_gap(seed):
    gap_s = (0.3, 2.0, 7.0)[seed]
    seconds = 2.0 + gap_s + 1.2
    groups = naive.random_groups(seed, int(seconds * 12))
    x = naive.composite(naive.bits_of(groups), seconds, ppm=60, start_bits=33.0)
    start, end = 2 * RATE, round((2.0 + gap_s) * RATE)
    x[start:end] = noise(gap_s, 20_000, seed)
    x += noise(seconds, 1_500, seed + 10)
    found = [g for g in receive(x)[0] if g.whole]
    after = [g for g in found if g.sample > end]
    # The first group that was whole after the gap is received: 1 s is far more than that.
    assert after[0].sample - end < 0.19 * RATE
    assert len(after) >= 11
    assert all(g.blocks in groups for g in found)


def test_a_known_gap_is_skipped_and_indices_go_on():
    x = naive.composite(BITS, 4.0, start_bits=5)
    cut, long = 300_000, 123_457
    receiver = RdsReceiver()
    groups = receiver.process(x[:cut]) + receiver.skip(long)
    groups += receiver.process(x[cut + long :]) + receiver.flush()
    whole_run = {g.sample: g.blocks for g in receive(x)[0] if g.whole}
    found = [g for g in groups if g.whole]
    assert len(found) >= len(whole_run) - 7
    for group in found:
        near = min(whole_run, key=lambda s: abs(s - group.sample))
        assert abs(near - group.sample) < 5
        assert whole_run[near] == group.blocks
    with pytest.raises(ValueError, match="missing_samples"):
        receiver.skip(-1)


def test_a_long_gap_starts_anew_with_the_right_index():
    x = naive.composite(BITS, 2.0, start_bits=5)
    plain = receive(x)[0]
    receiver = RdsReceiver()
    groups = receiver.process(x) + receiver.skip(10 * RATE) + receiver.process(x) + receiver.flush()
    late = [g.sample for g in groups][len(plain) :]
    assert late == [g.sample + 12 * RATE for g in plain]


def test_an_unmarked_loss_of_samples_is_got_over():
    # A dropped USB transfer: clock and carrier jump, and nobody says so.
    x = naive.composite(BITS, 4.0, start_bits=5, ppm=20)
    for lost in (4_096, 131_072 // 2, 121):
        y = np.concatenate([x[: 2 * RATE], x[2 * RATE + lost :]])
        found = [g for g in receive(y)[0] if g.whole]
        after = [g for g in found if g.sample > 2 * RATE]
        assert after[0].sample - 2 * RATE < 0.4 * RATE
        assert all(g.blocks in GROUPS for g in found)


def test_an_unmodulated_57_khz_carrier_beside_is_no_matter():
    # Old traffic beacons put a bare subcarrier there; the shape of a bit has nothing at its middle.
    t = np.arange(2 * RATE) / RATE
    x = naive.composite(BITS, 2.0) + 0.02 * np.cos(2 * np.pi * 57_000 * t + 1.0)
    assert whole(receive(x.astype(np.float32))[0]) == sent()


def noise_groups(seconds, seed):
    """Groups out of FM-like noise: white and with the parabolic density of a discriminator."""
    rng = np.random.default_rng(seed)
    receiver = RdsReceiver()
    groups = []
    for _ in range(seconds // 10):
        white = rng.standard_normal(10 * RATE, dtype=np.float32)
        groups += receiver.process(white * np.float32(0.2))
    return groups + receiver.flush()


def test_ten_minutes_of_noise_hold_no_group():
    assert noise_groups(600, 1) == []


@pytest.mark.long
def test_an_hour_of_noise_holds_no_group():
    assert noise_groups(3_600, 2) == []


@pytest.mark.parametrize("hertz", [55_812.5, 57_000.0, 58_187.5, 57_300.0])
def test_tones_in_the_channel_are_no_rds(hertz):
    x = 0.03 * np.cos(2 * np.pi * hertz * np.arange(5 * RATE) / RATE)
    groups, _ = receive((x + noise(5, 300)).astype(np.float32))
    assert groups == []


def test_groups_come_in_order_once():
    groups, _ = receive(naive.composite(BITS, 4.0, start_bits=70) + noise(4.0, 12_000))
    assert all(a.sample < b.sample for a, b in itertools.pairwise(groups))


def test_another_rate_is_refused():
    with pytest.raises(ValueError, match="288000"):
        RdsReceiver(240_000)


@pytest.mark.parametrize("ppm", [0, 100, -100])
def test_from_hop_to_hop_the_carrier_does_not_turn_over(ppm):
    # Half a turn between two hops is one wrong bit, which would be corrected and hardly be seen.
    groups, _ = receive(naive.composite(BITS, 4.0, ppm=ppm, start_bits=20))
    assert len(groups) > 40
    assert all(g.corrected == (0, 0, 0, 0) for g in groups[1:-1])


def test_likelihoods_are_themselves_again_with_the_first_hop_after_a_burst():
    x = naive.composite(BITS, 3.0, start_bits=20) + noise(3.0, 300)
    # Ten hops of 48 ms of what a discriminator gives without a carrier.
    hop = PILOT_HOP
    x[20 * hop : 30 * hop] = noise(10 * hop / RATE, 20_000)
    symbols = RdsDemodulator().process(x)
    level = np.abs(symbols.values)

    def middle(first, last):
        inside = (symbols.samples > first * hop) & (symbols.samples < last * hop)
        return np.median(level[inside])

    assert middle(5, 19) == 15.0
    assert middle(22, 29) < 2.0
    assert middle(31, 32) == 15.0
