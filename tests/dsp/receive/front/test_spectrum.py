"""Spectrum frames: levels of carriers and of noise, a slow twin, the line at DC."""

import numpy as np
import pytest

from dsp.receive.front.channel_plan import plan_bank
from dsp.receive.front.channelizer import Channelizer
from dsp.receive.front.spectrum import NOISE_BINS
from tests.naive.channels import as_u8, tone

RATE_HZ = 2_400_000


def frames_of(iq):
    block = Channelizer(RATE_HZ, [300_000.0])
    block.process(iq)
    return block.take_spectra()


def noise(n, rms, seed=2):
    rng = np.random.default_rng(seed)
    return rms / np.sqrt(2) * (rng.standard_normal(n) + 1j * rng.standard_normal(n))


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_carrier_on_a_bin_has_its_power_in_place(as_bytes):
    iq = tone(480_000, RATE_HZ, -400_000.0, 0.5)
    frame = frames_of(as_u8(iq) if as_bytes else iq.astype(np.complex64))[0]
    place = int(np.argmax(frame.mean))
    assert (place - len(frame.mean) // 2) * frame.bin_hz == -400_000.0
    assert frame.mean[place] == pytest.approx(0.25, rel=0.01)
    assert frame.peak[place] == pytest.approx(0.25, rel=0.01)
    away = np.abs(np.arange(len(frame.mean)) - place) > 200
    assert frame.mean[away].max() < (1e-6 if as_bytes else 1e-9)


def test_noise_adds_up_to_its_power():
    frames = frames_of(noise(1_200_000, 0.2).astype(np.complex64))
    power = np.mean([frame.mean.sum() for frame in frames]) / NOISE_BINS
    assert power == pytest.approx(0.04, rel=0.02)


def test_there_are_about_five_frames_a_second():
    frames = frames_of(noise(2_400_000, 0.2).astype(np.complex64))
    assert 4 <= len(frames) <= 7
    starts = [frame.index for frame in frames]
    assert starts[0] == 0
    assert len(set(np.diff(starts))) == 1


def test_dc_is_taken_out_and_stated():
    dc = 0.05
    frame = frames_of((noise(480_000, 0.05) + dc).astype(np.complex64))[0]
    middle = len(frame.mean) // 2
    assert frame.centre_power == pytest.approx(dc**2, rel=0.05)
    assert frame.mean[middle] < 0.02 * dc**2
    assert frame.peak[middle] > 0.5 * dc**2


def test_equals_hann_in_time():
    iq = noise(80_000, 0.1, seed=9).astype(np.complex64)
    plan = plan_bank(RATE_HZ)
    frame = frames_of(iq)[0]
    padded = np.concatenate([np.zeros(plan.guard), iq])
    rows = np.stack([padded[b * plan.hop :][: plan.block] for b in range(16)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(plan.block) / plan.block)
    power = np.abs(np.fft.fft(rows * window, axis=1) / window.sum()) ** 2
    away = np.abs(np.arange(plan.block) - plan.block // 2) > 1
    mean, peak = (np.fft.fftshift(p) for p in (power.mean(axis=0), power.max(axis=0)))
    np.testing.assert_allclose(frame.mean[away], mean[away], rtol=1e-4)
    np.testing.assert_allclose(frame.peak[away], peak[away], rtol=1e-4)


def test_untaken_frames_do_not_pile_up():
    block = Channelizer(192_000, [0.0])
    block.process(np.zeros(192_000 * 12, np.complex64))
    assert len(block.take_spectra()) == 50
    assert block.take_spectra() == []
