"""The meters of a station together: figures, seconds, gaps, hostile input."""

import itertools
import json

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.fm.profiles import PROFILES
from dsp.receive.meters.carrier_figures import CAME_OR_WENT
from dsp.receive.second_record import FIGURES
from dsp.receive.station_meters import NARROWED, StationMeters
from tests.dsp.receive.radio import RATE, carrier, multiplex, noise_only, on_air, tone
from tests.naive import receiver as naive

PROFILE = PROFILES["75k50us"]


def bare(composite_hz, **more):
    """Records of a composite whose phase steps are exact (no droop to undo)."""
    composite, iq = on_air(composite_hz)
    return StationMeters(PROFILE, **more).process(composite, iq)


def programme(count, seed=3, clock=1.0):
    """Stereo of two bands of noise under slow envelopes, with a pilot."""
    rng = np.random.default_rng(seed)
    n = RATE * count
    keep = np.fft.rfftfreq(n, 1.0 / RATE)
    shape = (keep > 100.0) & (keep < 9_000.0)
    sides = []
    for _ in range(2):
        wave = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * shape, n)
        steps = np.repeat(rng.uniform(0.05, 1.0, 16 * count), RATE // 16)
        sides.append(0.45 * wave / np.abs(wave).max() * steps)
    return multiplex(sides[0], sides[1], clock=clock)


@pytest.fixture(scope="module")
def heard():
    """Three seconds at C/N 40 dB, 1234 Hz off."""
    return on_air(programme(3) + 1_234.0, cn_db=40.0)


@pytest.fixture(scope="module")
def records(heard):
    return StationMeters(PROFILE, frequency_hz=98e6, phase_step=True).process(*heard)


def test_a_record_a_second_with_every_figure(records):
    # The last second is complete only when its future has come.
    assert [record.second for record in records] == [0, 1]
    for record in records:
        assert set(record.figures) == set(FIGURES)
        assert record.audio.shape == (48_000, 2)
        assert record.missing_samples == 0


def test_a_record_is_json_without_bare_figures(records):
    fields = json.loads(json.dumps(records[1].as_dict(), allow_nan=False))
    for key in FIGURES:
        assert (fields[key] is None) == (key in fields["invalid"])
        assert (fields[key] is None) == (key not in fields["u"])


def test_figures_of_a_programme(heard, records):
    truth = programme(3)[RATE : 2 * RATE]
    figures = records[1].figures
    assert figures["offset_hz"].value == pytest.approx(1_234.0, abs=10.0)
    assert figures["offset_ppm"].value == pytest.approx(12.59, abs=0.1)
    assert figures["pilot_hz"].value == pytest.approx(6_750.0, abs=20.0)
    assert figures["cn_db"].value == pytest.approx(40.0, abs=0.5)
    assert figures["level_dbfs"].value == pytest.approx(-6.02, abs=0.02)
    peak = np.abs(naive.upsampled(truth, 4)).max()
    assert figures["peak_deviation_hz"].value == pytest.approx(peak, abs=500.0)
    both = naive.mpx_power_dbr(programme(3)[: 2 * RATE])
    assert figures["mpx_power_dbr"].value == pytest.approx(both, abs=0.05)
    assert figures["rds_hz"].invalid == "no RDS"
    assert records[1].mpx_window_s == 2
    assert records[1].findings == ()


def test_the_stream_may_be_cut_anywhere(heard, records):
    meters = StationMeters(PROFILE, frequency_hz=98e6, phase_step=True)
    cuts = np.sort(np.random.default_rng(1).integers(0, 3 * RATE, 40))
    found = []
    for a, b in itertools.pairwise([0, *cuts, 3 * RATE]):
        found += meters.process(heard[0][a:b].copy(), heard[1][a:b].copy())
    assert [r.as_dict() for r in found] == [r.as_dict() for r in records]
    for one, other in zip(found, records, strict=True):
        np.testing.assert_array_equal(one.audio, other.audio)
        np.testing.assert_array_equal(one.distribution, other.distribution)


def test_what_the_end_hides_widens_the_last_second(heard, records):
    meters = StationMeters(PROFILE, frequency_hz=98e6, phase_step=True)
    meters.process(*heard)
    last = meters.flush()[0].figures
    for key in ("offset_hz", "mpx_power_dbr", "loudness_momentary_lufs"):
        assert last[key].u > 1.3 * records[1].figures[key].u
    # A third of a millisecond at the peak, of a second.
    hidden_hz = 128 / RATE * last["peak_deviation_hz"].value
    assert hidden_hz <= last["offset_hz"].u < hidden_hz + 20.0
    assert last["pilot_hz"].u == pytest.approx(records[1].figures["pilot_hz"].u, rel=0.05)


def test_reset_equals_new(heard, records):
    meters = StationMeters(PROFILE, frequency_hz=98e6, phase_step=True)
    meters.process(*noise_only())
    meters.mark_gap(1_000)
    meters.reset()
    again = meters.process(*heard)
    assert [r.as_dict() for r in again] == [r.as_dict() for r in records]


def test_the_delay_of_the_composite_is_made_good():
    # One second loud, the next soft: the border must fall between the records.
    level = np.repeat([60_000.0, 5_000.0, 5_000.0], RATE)
    composite, iq = on_air(level * np.sin(2 * np.pi * 997 * np.arange(3 * RATE) / RATE))
    late = np.concatenate([np.zeros(200, np.float32), composite[:-200]])
    found = StationMeters(PROFILE, delay_samples=200).process(late, iq)
    assert found[0].figures["peak_deviation_hz"].value == pytest.approx(60_000.0, rel=2e-3)
    assert found[1].figures["peak_deviation_hz"].value < 6_500.0
    # Not made good, 200 samples of the loud second would be heard in the soft one.
    found = StationMeters(PROFILE).process(late, iq)
    assert found[1].figures["peak_deviation_hz"].value > 20_000.0


@pytest.mark.parametrize("clock", [1.0, 1.0001, 0.9999])
def test_pilot_frequency_over_a_hundred_ppm(clock):
    record = bare(programme(2, clock=clock))[0]
    assert record.figures["pilot_frequency_hz"].value == pytest.approx(19_000 * clock, abs=0.01)
    assert record.figures["pilot_hz"].value == pytest.approx(6_750.0, abs=10.0)


def test_rds_level_and_phase():
    rng = np.random.default_rng(5)
    bits = np.repeat(rng.choice((-1.0, 1.0), 2 * 2 * 1_200), 121)[: 2 * RATE]
    keep = np.fft.rfftfreq(2 * RATE, 1.0 / RATE) < 2_300.0
    data = np.fft.irfft(np.fft.rfft(bits) * keep, 2 * RATE)
    data *= 2_000.0 / np.sqrt(np.mean(data[:RATE] ** 2))
    for phase_deg in (0.0, 90.0, 37.0):
        turn = 2 * np.pi * 19_000 * np.arange(2 * RATE) / RATE
        wave = data * np.sin(3 * turn + np.deg2rad(phase_deg))
        record = bare(programme(2) + wave)[0]
        assert record.figures["rds_phase_deg"].value == pytest.approx(phase_deg, abs=0.5)
        level = record.figures["rds_unmodulated_hz"].value
        assert level == pytest.approx(2_000.0, rel=0.02)
        assert record.figures["rds_hz"].value == pytest.approx(1.44295 * level)


def test_rds_without_a_pilot_has_a_level_and_no_phase():
    wave = tone(57_000, 2_000.0, 2) * np.sign(tone(1_187.5, 1.0, 2))
    record = bare(wave)[0]
    assert record.figures["pilot_hz"].invalid == "no pilot"
    assert record.figures["rds_hz"].invalid is None
    assert record.figures["rds_phase_deg"].invalid == "no pilot to refer to"


@pytest.mark.parametrize("cn_db", [10, 15, 20, 30, 40, 50, 60])
def test_carrier_to_noise_against_the_truth(cn_db):
    composite, iq = on_air(programme(2), cn_db=float(cn_db))
    meters = StationMeters(PROFILE, phase_step=True, half_width_hz=140_000.0)
    figure = meters.process(composite, iq)[0].figures["cn_db"]
    assert figure.value == pytest.approx(cn_db, abs=1.0)


def test_a_gap_takes_what_it_touches_and_no_more():
    composite, iq = on_air(programme(6), cn_db=40.0)
    meters = StationMeters(PROFILE, phase_step=True)
    at = 2 * RATE + 100_000
    found = meters.process(composite[:at], iq[:at])
    found += meters.mark_gap(5_000)
    found += meters.process(composite[at + 5_000 :], iq[at + 5_000 :])
    assert [r.second for r in found] == [0, 1, 2, 3, 4]
    assert [r.missing_samples for r in found] == [0, 0, 5_000, 0, 0]
    assert {f.invalid for f in found[2].figures.values()} == {"gap"}
    assert all(f.value is None for f in found[2].figures.values())
    for k in (0, 1, 3, 4):
        assert found[k].figures["peak_deviation_hz"].invalid is None
    # The window of the MPX power begins anew.
    assert [r.mpx_window_s for r in found] == [1, 2, 0, 1, 2]


def test_a_gap_on_the_border_touches_both_seconds():
    composite, iq = on_air(programme(4), cn_db=40.0)
    meters = StationMeters(PROFILE, phase_step=True)
    at = 2 * RATE - 40
    found = meters.process(composite[:at], iq[:at]) + meters.mark_gap(80)
    found += meters.process(composite[at + 80 :], iq[at + 80 :])
    reasons = [r.figures["pilot_hz"].invalid for r in found]
    assert reasons == [None, "gap", "gap"]
    assert [r.missing_samples for r in found] == [0, 40, 40]


def test_a_long_gap_is_jumped_and_the_seconds_stay_right():
    composite, iq = on_air(programme(4), cn_db=40.0)
    meters = StationMeters(PROFILE, phase_step=True)
    found = meters.process(composite[:RATE], iq[:RATE])
    found += meters.mark_gap(1_000 * RATE)
    found += meters.process(composite[RATE:], iq[RATE:])
    assert [r.second for r in found] == list(range(1_003))
    lost = [r for r in found if r.figures["cn_db"].invalid == "gap"]
    # The filters of the seconds before and behind reach into it.
    assert [lost[0].second, lost[-1].second, len(lost)] == [0, 1_001, 1_002]
    assert sum(r.missing_samples for r in found) == 1_000 * RATE
    assert found[-1].figures["pilot_hz"].value == pytest.approx(6_750.0, abs=20.0)


def test_weak_signals_are_called_so():
    composite, iq = on_air(programme(2), cn_db=8.0)
    record = StationMeters(PROFILE, phase_step=True).process(composite, iq)[0]
    assert record.figures["peak_deviation_hz"].invalid.startswith("weak signal (C/N ")
    assert record.figures["cn_db"].invalid is None


def test_all_zero_is_off_air():
    meters = StationMeters(PROFILE)
    record = meters.process(np.zeros(2 * RATE, np.float32), np.zeros(2 * RATE, np.complex64))[0]
    assert "off_air" in record.findings
    assert record.figures["peak_deviation_hz"].invalid == "off air (no carrier)"
    json.dumps(record.as_dict(), allow_nan=False)


def test_full_scale_noise_gives_no_figures():
    rng = np.random.default_rng(2)
    composite = rng.uniform(-1.44, 1.44, 2 * RATE).astype(np.float32)
    iq = (rng.standard_normal((2 * RATE, 2)) @ [1, 1j]).astype(np.complex64)
    record = StationMeters(PROFILE).process(composite, iq)[0]
    assert "off_air" in record.findings
    assert record.figures["mpx_power_dbr"].invalid is not None
    json.dumps(record.as_dict(), allow_nan=False)


@pytest.mark.parametrize("extreme", [3e18, -3e18, 1e-40])
def test_extreme_values_stay_finite(extreme):
    composite = np.full(2 * RATE, min(max(extreme, -1e6), 1e6), np.float32)
    meters = StationMeters(PROFILE)
    record = meters.process(composite, np.full(2 * RATE, 1e-3, np.complex64))[0]
    json.dumps(record.as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c, z: (c.astype(np.float64), z),
        lambda c, z: (c, z.astype(np.complex128)),
        lambda c, z: (c, z[:-1]),
        lambda c, z: (c[::2], z[::2]),
        lambda c, z: (np.where(np.arange(len(c)) == 5, np.nan, c).astype(np.float32), z),
        lambda c, z: (c, np.where(np.arange(len(c)) == 5, np.inf, z).astype(np.complex64)),
    ],
    ids=["float64", "complex128", "lengths", "strided", "NaN", "infinity"],
)
def test_a_refused_piece_leaves_the_state_untouched(heard, records, spoil):
    meters = StationMeters(PROFILE, frequency_hz=98e6, phase_step=True)
    meters.process(heard[0][:RATE], heard[1][:RATE])
    with pytest.raises(BlockContractError):
        meters.process(*spoil(heard[0][:9_000], heard[1][:9_000]))
    after = meters.process(heard[0][RATE:], heard[1][RATE:])
    assert after[-1].as_dict() == records[-1].as_dict()


def test_flush_gives_the_last_second(heard, records):
    meters = StationMeters(PROFILE, frequency_hz=98e6, phase_step=True)
    assert len(meters.process(*heard)) == 2
    last = meters.flush()
    assert [record.second for record in last] == [2]
    truth = np.abs(naive.upsampled(programme(3), 4))[8 * RATE :].max()
    assert last[0].figures["peak_deviation_hz"].value == pytest.approx(truth, abs=500.0)
    assert StationMeters(PROFILE).flush() == []


def test_a_narrow_channel_is_noted_and_widens_the_peak():
    composite, iq = on_air(tone(1_000, 110_000.0, 2))
    wide = StationMeters(PROFILE).process(composite, iq)[0]
    narrow = StationMeters(PROFILE, half_width_hz=100_000.0).process(composite, iq)[0]
    assert (wide.notes, narrow.notes[:1]) == ((), (NARROWED,))
    wider = narrow.figures["peak_deviation_hz"].u, wide.figures["peak_deviation_hz"].u
    assert wider[0] > 4.0 * wider[1]


def test_over_deviation_and_its_share():
    record = bare(tone(1_009, 80_000.0, 2))[0]
    assert "over_deviation" in record.findings
    assert 100 * record.figures["over_limit_share"].value == pytest.approx(17.4895, abs=0.05)
    assert "over_deviation" not in bare(tone(1_009, 74_000.0, 2))[0].findings


def test_multipath_is_seen_and_a_clean_channel_is_not():
    composite = programme(2)
    iq = carrier(composite).astype(np.complex128)
    assert "multipath" not in bare(composite)[0].findings
    late = iq + 0.25 * np.roll(iq, 3) * np.exp(1j)  # 10 µs late, 12 dB down
    steps = np.angle(late * np.conj(np.roll(late, 1))) * RATE / (2 * np.pi) / 1e5
    found = StationMeters(PROFILE, phase_step=True).process(
        steps.astype(np.float32), late.astype(np.complex64)
    )[0]
    assert "multipath" in found.findings
    assert found.figures["multipath_share"].value > 0.1


def test_another_carrier_on_the_channel_is_seen():
    own = carrier(programme(2)).astype(np.complex128)
    other = 0.3 * carrier(programme(2, seed=9) + 500.0)
    both = own + other
    steps = np.angle(both * np.conj(np.roll(both, 1))) * RATE / (2 * np.pi) / 1e5
    found = StationMeters(PROFILE, phase_step=True).process(
        steps.astype(np.float32), both.astype(np.complex64)
    )[0]
    assert "co_channel" in found.findings


def test_constructor_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="half_width_hz"):
        StationMeters(PROFILE, half_width_hz=1.0)
    with pytest.raises(ValueError, match="delay_samples"):
        StationMeters(PROFILE, delay_samples=10_000)
    with pytest.raises(BlockContractError):
        StationMeters(PROFILE).mark_gap(-1)


def test_a_carrier_that_goes_and_comes_back_spoils_no_figure():
    # Half a second of an idle channel in second 2: its noise is nobody's deviation or MPX power.
    on = on_air(programme(5), cn_db=30.0)
    off = noise_only(1, level=0.01)
    composite, iq = (
        np.concatenate([kept[: 2 * RATE + RATE // 4], idle[: RATE // 2], kept[3 * RATE :]])
        for kept, idle in zip(on, off, strict=True)
    )
    records = StationMeters(PROFILE, phase_step=True).process(composite, iq)
    reasons = [record.figures["peak_deviation_hz"].invalid for record in records]
    assert reasons[:2] == [None, None]
    # An envelope that falls with what the discriminator makes of noise looks like an echo, too.
    assert reasons[2] in {CAME_OR_WENT, "multipath", "off air (no carrier)"}
    assert records[2].figures["mpx_power_dbr"].invalid is not None
    assert reasons[3:] == [None] * len(reasons[3:])
    assert all("over_deviation" not in record.findings for record in records)
    assert [record.mpx_window_s for record in records[:4]] == [1, 2, 0, 1]
    assert records[3].figures["mpx_power_dbr"].value < 0.0


@pytest.mark.parametrize("gone_ms", [2, 10])
def test_the_last_milliseconds_without_a_carrier_are_no_deviation(gone_ms):
    # Too short for level and C/N of the second to tell; a click of noise reads as 100 kHz and more.
    on = on_air(programme(5), cn_db=30.0)
    off = noise_only(1, level=0.01)
    end, gone = 3 * RATE, RATE * gone_ms // 1_000
    composite, iq = (
        np.concatenate([kept[: end - gone], idle[:gone], kept[end:]])
        for kept, idle in zip(on, off, strict=True)
    )
    records = StationMeters(PROFILE, phase_step=True).process(composite, iq)
    assert records[2].figures["cn_db"].value > 12.0
    assert records[2].figures["peak_deviation_hz"].invalid == CAME_OR_WENT
    assert records[2].findings == records[1].findings
    assert [record.mpx_window_s for record in records[:4]] == [1, 2, 0, 1]
