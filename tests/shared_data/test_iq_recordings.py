"""Recordings that others made go through the front end: levels, offsets, pilots, refusals."""

import json
from itertools import pairwise

import numpy as np
import pytest

from dsp.receive.composite.discriminator import Discriminator
from dsp.receive.front.channelizer import Channelizer
from ingest.iq.open_source import SourceOptions, open_source
from tests.shared_data.conftest import DATA

TRUTH = json.loads((DATA / "iq" / "synthetic_truth.json").read_text())
OUT_HZ = 288_000


def blocks_of(path, **options):
    source = open_source(str(path), SourceOptions(**options))
    yield from source.blocks()
    source.close()


def received(name, rate_hz, offset_hz=0.0):
    """Baseband and composite of the station at `offset_hz`."""
    channelizer = Channelizer(rate_hz, [offset_hz])
    parts = [
        channelizer.process(block.samples)
        for block in blocks_of(DATA / "iq" / name, rate_hz=rate_hz)
    ]
    baseband = np.concatenate([*parts, channelizer.flush()], axis=1)[0]
    return baseband, Discriminator().process(np.ascontiguousarray(baseband))


def line_hz(composite, frequency_hz, width_hz=20.0):
    """Peak deviation of the line near a frequency, from a windowed spectrum."""
    n = len(composite)
    window = np.hanning(n)
    spectrum = np.fft.rfft(composite * window) / window.sum()
    bins = np.fft.rfftfreq(n, 1 / OUT_HZ)
    near = np.abs(bins - frequency_hz) < width_hz
    # Power of the line over Hann's noise width of 1.5 bins.
    return 1e5 * 2 * np.sqrt(np.sum(np.abs(spectrum[near]) ** 2) / 1.5)


def test_a_stereo_station_made_by_gnuradio():
    name = "syn_grrds_stereo_256k.cu8"
    baseband, composite = received(name, 256_000)
    body = composite[OUT_HZ // 2 : -OUT_HZ // 2]
    assert len(baseband) == -(-(DATA / "iq" / name).stat().st_size // 2 * 9 // 8)
    assert 1e5 * np.mean(body) == pytest.approx(1_444.0, abs=60.0)
    assert line_hz(body, 19_000.0) == pytest.approx(TRUTH[name]["pilot_dev_hz"], abs=100.0)


def test_a_mono_station_has_no_pilot():
    _, composite = received("syn_mono_nopilot_240k.cu8", 240_000)
    assert line_hz(composite[OUT_HZ // 2 :], 19_000.0) < 300.0


def test_a_dead_carrier_stands_still_and_is_not_eaten():
    baseband, composite = received("syn_dead_carrier_240k.cu8", 240_000)
    amplitude = np.abs(baseband[10_000:-10_000])
    assert amplitude.mean() > 0.2
    # C/N 30 dB in 240 kHz.
    assert amplitude.std() / amplitude.mean() < 0.04
    # Around any carrier, whatever its offset: the audio band is quiet.
    assert line_hz(composite[OUT_HZ // 2 :], 1_000.0, 500.0) < 200.0


def test_noise_is_noise():
    baseband, _ = received("syn_noise_only_240k.cu8", 240_000)
    amplitude = np.abs(baseband[10_000:-10_000])
    # Rayleigh: deviation over mean is sqrt(4 / pi - 1).
    assert amplitude.std() / amplitude.mean() == pytest.approx(0.5227, abs=0.01)


def test_a_real_dongle_recording_shows_its_carriers():
    path = DATA / "iq" / "naimish_100.1_2000k.cu8"
    channelizer = Channelizer(2_000_000, [-759_000.0, -79_000.0, 216_000.0])
    blocks = list(blocks_of(path, rate_hz=2_000_000, centre_hz=100.1e6))
    assert sum(block.count for block in blocks) == 204_800
    assert all(after.index == before.end_index for before, after in pairwise(blocks))
    powers = []
    for block in blocks:
        channelizer.process(block.samples)
        powers += [frame.mean for frame in channelizer.take_spectra()]
    spectrum = np.mean(powers, axis=0)
    bins_hz = (np.arange(len(spectrum)) - len(spectrum) // 2) * 2_000_000 / len(spectrum)

    def power_near(offset_hz):
        return spectrum[np.abs(bins_hz - offset_hz) < 60_000].mean()

    floor = np.median(spectrum)
    for carrier_hz in (-759_000.0, -79_000.0, 216_000.0):
        assert power_near(carrier_hz) > 1.5 * floor


def test_a_noise_recording_of_a_dongle_passes():
    path = DATA / "iq" / "rtl_noise_unknown_rate.cu8"
    blocks = list(blocks_of(path, rate_hz=2_400_000))
    samples = np.concatenate([block.samples for block in blocks])
    assert samples.mean() == pytest.approx(127.4, abs=0.1)
    assert samples.std() == pytest.approx(1.8, abs=0.1)


def test_a_sigmf_recording_with_foreign_keys():
    source = open_source(str(DATA / "sigmf" / "fissure_sigmf_test.sigmf-meta"), SourceOptions())
    assert (source.rate_hz, source.centre_hz) == (1_000_000, 311e6)
    assert source.time_basis == "recorded"
    blocks = list(source.blocks())
    assert sum(block.count for block in blocks) == 100_000
    assert blocks[0].time_utc.isoformat().startswith("2022-11-27T16:45:00.501040")


def test_a_multiplex_of_another_coder():
    source = open_source(f"mpx:{DATA / 'mpx' / 'pifmrds_stereo_228k.flac'}", SourceOptions())
    composite = np.concatenate([block.samples for block in source.blocks()])
    assert len(composite) == pytest.approx(10 * OUT_HZ, rel=0.01)
    assert line_hz(composite[OUT_HZ:], 19_000.0) / 1e5 == pytest.approx(0.09, abs=0.001)
