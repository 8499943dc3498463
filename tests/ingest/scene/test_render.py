"""The rendered band: the same bytes however cut; signals where, when and as strong as ordered."""

import gc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp.errors import Refusal
from ingest.iq.open_source import open_source
from ingest.scene.programme import Files
from ingest.scene.render import SceneSource
from ingest.scene.scene import parse_scene
from tests.ingest.scene.test_scene import fault

RATE = 960_000
HEAD = """
[capture]
centre_hz = 98e6
rate_hz = {rate}
seconds = {seconds}
seed = {seed}
start_utc = 2026-05-16T22:00:00Z
[dongle]
noise_dbfs = {noise}
"""
A = """
[[station]]
id = "A"
frequency_hz = 97.7e6
level_dbfs = -10
profile = "75k50us"
tone_hz = 1000
tone_level_db = -3
"""
B = """
[[station]]
id = "B"
frequency_hz = 98.3e6
level_dbfs = -16
profile = "50k50us"
tone_hz = 400
stereo = true
rds_hz = 2000
ps = "B"
"""
RICH = """
ppm = 30
ppm_per_min = 10
dc_dbfs = -40
iq_gain_db = 0.2
iq_phase_deg = 1
gain_steps = [{ at_s = 0.31, gain_db = -3 }]
"""
FADED = "fading_hz = 2\nmultipath = [{ delay_us = 3.3, gain_db = -10, phase_deg = 50 }]\n"


def scene(*parts, seconds=1.0, seed=1, noise=-200, folder=Path(), rate=RATE):
    text = HEAD.format(rate=rate, seconds=seconds, seed=seed, noise=noise) + "".join(parts)
    return parse_scene(text.encode(), folder)


def rendered(source):
    joined = np.concatenate([block.samples.copy() for block in source.blocks()])
    source.close()
    return joined


def floats(*parts, **keys):
    return rendered(SceneSource(scene(*parts, **keys), sample_format="complex64"))


def at_baseband(iq, offset_hz, rate=RATE, width_hz=150e3):
    """Shift a station to 0 Hz and cut it out with a plain FFT filter."""
    spectrum = np.fft.fft(iq)
    hertz = np.fft.fftfreq(len(iq), 1 / rate)
    spectrum[np.abs(hertz - offset_hz) > width_hz] = 0
    return np.fft.ifft(spectrum) * np.exp(-2j * np.pi * offset_hz * np.arange(len(iq)) / rate)


def deviation_hz(baseband, rate=RATE):
    """Return the frequency between neighbouring samples, in Hz."""
    return np.angle(baseband[1:] * np.conj(baseband[:-1])) * rate / (2 * np.pi)


def test_the_same_scene_is_the_same_bytes_in_blocks_of_any_size():
    faults = fault("intruder", start_s=0.33, end_s=0.61) + fault("hiss", start_s=0.7, end_s=0.9)
    parts = (RICH, A, faults, B, FADED)
    whole = rendered(SceneSource(scene(*parts, noise=-45)))
    assert len(whole) == 2 * RATE
    for size in (1, 777, 48_000, 10_000_000):
        source = SceneSource(scene(*parts, noise=-45), block_samples=size)
        if size == 1:
            few = [
                block.samples.copy() for block, _ in zip(source.blocks(), range(500), strict=False)
            ]
            source.close()
            np.testing.assert_array_equal(np.concatenate(few), whole[:1_000])
        else:
            np.testing.assert_array_equal(rendered(source), whole)


def test_another_seed_is_other_noise():
    one, other = (rendered(SceneSource(scene(A, noise=-30, seed=seed))) for seed in (1, 2))
    assert np.mean(one != other) > 0.5


def test_a_longer_scene_begins_like_a_shorter_one():
    short = rendered(SceneSource(scene(RICH, A, FADED, noise=-45, seconds=0.53)))
    long = rendered(SceneSource(scene(RICH, A, FADED, noise=-45, seconds=0.9)))
    assert len(short) == 2 * round(0.53 * RATE)
    np.testing.assert_array_equal(long[: len(short)], short)


def test_carriers_stand_where_and_as_strong_as_ordered():
    iq = floats(A + "offset_hz = 700\n", B)
    for offset_hz, level_dbfs in ((-300e3, -10.0), (300e3, -16.0)):
        inner = at_baseband(iq, offset_hz)[RATE // 10 : -RATE // 10]
        level = 20 * np.log10(np.abs(inner).mean())
        assert level == pytest.approx(level_dbfs, abs=0.01)
    # A full period of 1 kHz averages to the carrier's own offset.
    inside = deviation_hz(at_baseband(iq, -300e3))[RATE // 5 : 4 * RATE // 5]
    assert inside.mean() == pytest.approx(700.0, abs=2.0)


def test_the_deviation_of_the_received_carrier_is_that_of_the_truth():
    source = SceneSource(scene(A, seconds=2), sample_format="complex64", with_truth=True)
    iq = np.concatenate([block.samples.copy() for block in source.blocks()])
    record = source.truth()["stations"]["A"][1]
    source.close()
    inside = deviation_hz(at_baseband(iq, -300e3))[RATE : 2 * RATE - RATE // 10]
    assert np.abs(inside).max() == pytest.approx(record["peak_deviation_hz"], rel=2e-3)
    power = 10 * np.log10(2 * np.mean(inside**2) / 19e3**2)
    assert power == pytest.approx(record["mpx_power_dbr"], abs=0.02)


@pytest.mark.parametrize("rate", [288_000, 960_000, 2_400_000])
@pytest.mark.parametrize("rays", ["", FADED.splitlines()[1] + "\n"])
def test_sound_is_on_the_air_when_it_was_sent(tmp_path, rate, rays):
    """A click in the file at 0.5 s is in the capture at 0.5 s: every filter's delay is out."""
    click = np.zeros(48_000, np.float32)
    click[24_000] = 0.5
    soundfile.write(tmp_path / "click.wav", click, 48_000)
    station = A.replace("tone_hz = 1000\ntone_level_db = -3\n", 'audio = "click.wav"\n')
    place_hz = 0.0 if rate < 500_000 else -300e3
    station = station.replace("97.7e6", str(98e6 + place_hz))
    iq = floats(station, rays, folder=tmp_path, rate=rate)
    wave = np.abs(deviation_hz(at_baseband(iq, place_hz, rate, 130e3), rate))
    inside = slice(rate // 10, -rate // 10)
    top = int(wave[inside].argmax()) + rate // 10
    # Emphasis has its own delay of some µs; a sample of audio is 20.8 µs.
    assert top / rate == pytest.approx(0.5, abs=15e-6)


def test_a_fault_begins_and_ends_at_its_second():
    iq = floats(A, fault("off_air", start_s=0.25, end_s=0.5))
    level = np.abs(at_baseband(iq, -300e3)) / 10 ** (-10 / 20)
    on = np.flatnonzero(np.diff((level > 0.5).astype(int)))
    # A carrier ramps for 1 ms within the time it is on: half of it is over 0.5 ms before.
    assert on / RATE == pytest.approx([0.2495, 0.5005], abs=2e-4)
    assert level[int(0.252 * RATE) : int(0.498 * RATE)].max() < 0.01


def test_a_stronger_station_captures_the_frequency():
    iq = floats(A, fault("capture", start_s=0.4, value=20.0))
    carrier = at_baseband(iq, -300e3)
    level = 20 * np.log10(np.abs(carrier[int(0.6 * RATE) :]).mean())
    assert level == pytest.approx(-10 + 20, abs=0.3)


def test_the_clock_of_the_dongle_moves_carriers_and_time():
    exact = deviation_hz(at_baseband(floats(A), -300e3))[RATE // 4 : RATE // 2]
    fast = deviation_hz(at_baseband(floats("ppm = 50\n", A), -300e3))[RATE // 4 : RATE // 2]
    assert fast.mean() - exact.mean() == pytest.approx(-97.7e6 * 50e-6, abs=2.0)


def test_a_drop_is_told_by_nothing_but_the_clock():
    drop = "drops = [{ at_s = 0.213, samples = 5000 }, { at_s = 0.507, samples = 7 }]\n"
    whole = rendered(SceneSource(scene(A, noise=-45)))
    source = SceneSource(scene(drop, A, noise=-45))
    blocks = [(b.index, b.time_utc, b.missing_samples, b.samples.copy()) for b in source.blocks()]
    source.close()
    assert all(missing == 0 for _, _, missing, _ in blocks)
    got = np.concatenate([samples for *_, samples in blocks])
    first, second = round(0.213 * RATE), round(0.507 * RATE)
    wanted = np.concatenate(
        [whole[: 2 * first], whole[2 * (first + 5_000) : 2 * second], whole[2 * (second + 7) :]]
    )
    np.testing.assert_array_equal(got, wanted)
    counted, start = 0, datetime(2026, 5, 16, 22, tzinfo=UTC)
    for index, moment, _, samples in blocks:
        assert index == counted
        lost = (5_000 if index >= first else 0) + (7 if index >= second - 5_000 else 0)
        assert abs(moment - start - timedelta(seconds=(index + lost) / RATE)) < timedelta(
            microseconds=2
        )
        counted += len(samples) // 2


def test_a_repeated_buffer_takes_the_place_of_the_next():
    whole = rendered(SceneSource(scene(A, noise=-45)))
    repeat = "repeats = [{ at_s = 0.49, samples = 30000 }]\n"
    got = rendered(SceneSource(scene(repeat, A, noise=-45)))
    start, size = round(0.49 * RATE), 30_000
    wanted = whole.copy()
    wanted[2 * start : 2 * (start + size)] = whole[2 * (start - size) : 2 * start]
    np.testing.assert_array_equal(got, wanted)


def test_a_stall_delays_what_comes_and_loses_nothing():
    stall = "stalls = [{ at_s = 0.2, samples = 240000 }]\n"
    whole = rendered(SceneSource(scene(A, noise=-45)))
    source = SceneSource(scene(stall, A, noise=-45))
    arrivals = [(d.due_s, d.samples.copy()) for d in source.deliveries()]
    source.close()
    np.testing.assert_array_equal(np.concatenate([samples for _, samples in arrivals]), whole)
    due = np.array([due_s for due_s, _ in arrivals])
    assert (np.diff(due) >= 0).all()
    assert not ((due >= 0.2) & (due < 0.45)).any()
    assert np.sum(due == 0.45) == 6


def test_files_are_looped_and_resampled(tmp_path):
    sine = 0.5 * np.sin(2 * np.pi * 441 * np.arange(11_025) / 44_100)
    soundfile.write(tmp_path / "short.wav", sine, 44_100, subtype="FLOAT")
    station = A.replace("tone_hz = 1000\ntone_level_db = -3\n", 'audio = "short.wav"\n')
    iq = floats(station, folder=tmp_path)
    wave = deviation_hz(at_baseband(iq, -300e3))[RATE // 10 : -RATE // 10]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    assert np.argmax(spectrum) * RATE / len(wave) == pytest.approx(441.0, abs=1.5)


def test_what_a_programme_is_decoded_ahead_takes_little_memory(tmp_path):
    """Every station has a decoder: its slots are memory that fills up while the scene runs."""
    soundfile.write(tmp_path / "long.wav", np.zeros(48_000), 48_000)
    programme = Files((tmp_path / "long.wav",))
    programme.frames(4_800)
    assert sum(map(len, programme._decoder._process.slots)) <= 512 * 1024
    programme.close()


def test_a_programme_that_is_closed_in_mid_file_leaves_nothing_behind(tmp_path):
    """What reads of a decoder ends before it: else it complains when the interpreter ends."""
    soundfile.write(tmp_path / "a.wav", np.zeros((96_000, 2)), 48_000)
    programme = Files((tmp_path / "a.wav",))
    programme.frames(480)
    programme.close()
    del programme
    gc.collect()  # an exception that nobody can catch fails this test (filterwarnings)


def test_a_file_that_is_no_audio_is_refused_before_anything_is_made(tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"this is no audio at all")
    station = A.replace("tone_hz = 1000\ntone_level_db = -3\n", 'audio = "bad.wav"\n')
    with pytest.raises(Refusal) as caught:
        SceneSource(scene(station, folder=tmp_path))
    assert caught.value.kind.startswith("audio.")
    spoilt = A + fault("wrong_programme", audio="bad.wav")
    with pytest.raises(Refusal):
        SceneSource(scene(spoilt, folder=tmp_path))


def test_a_scene_without_stations_is_noise():
    noise = floats(noise=-20, seconds=0.3)
    assert 10 * np.log10(np.mean(np.abs(noise) ** 2)) == pytest.approx(-20.0, abs=0.05)


def test_it_is_the_source_sim(tmp_path):
    path = tmp_path / "scene.toml"
    path.write_text(HEAD.format(rate=RATE, seconds=0.1, seed=1, noise=-40) + A)
    source = open_source(f"sim:{path}")
    blocks = list(source.blocks())
    assert (source.rate_hz, source.centre_hz, source.sample_format) == (RATE, 98e6, "u8")
    assert source.time_basis == "simulated"
    assert sum(block.count for block in blocks) == RATE // 10
    assert source.notes() == []
    source.close()


def test_every_station_fades_on_its_own_and_by_the_seed():
    faded = "fading_hz = 20\nfading_k_db = -10\n"

    def levels(seed):
        iq = floats(A, faded, B, faded, seed=seed)
        return [
            np.abs(at_baseband(iq, place_hz)).reshape(100, -1).mean(axis=1)
            for place_hz in (-300e3, 300e3)
        ]

    (one, other), (again, _), (changed, _) = levels(1), levels(1), levels(2)
    np.testing.assert_array_equal(one, again)
    assert 20 * np.log10(one.max() / one.min()) > 6
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.8
    assert abs(np.corrcoef(one, changed)[0, 1]) < 0.8
