"""The ceiling: no wave of a line over one, and what fits leaves as it came."""

import numpy as np
import pytest

from bench.audio.limiter_signals import KINDS, draw
from dsp.coder.ceiling import MARGIN_DB, STEP, Ceiling
from dsp.coder.interpolator import Interpolator, make_audio_low_pass
from dsp.contract import BlockContractError
from dsp.master.emphasis import Emphasis
from dsp.master.fm_limiter import FmLimiter
from tests.naive.coder import wave


def planes_of(flat, tau_us=50.0):
    """Lines at 192 kHz of flat frames, as the coder makes them, and silence after them."""
    lines = flat.shape[1]
    padded = np.pad(flat, ((0, 512), (0, 0)))
    padded = np.pad(padded, ((0, -len(padded) % (STEP // 4)), (0, 0))).astype(np.float32)
    frames = make_audio_low_pass(lines).process(padded)
    return Interpolator(lines).process(Emphasis(48_000, lines, tau_us=tau_us).process(frames))


def held(planes, block=None):
    block = block or Ceiling(len(planes))
    padded = np.pad(planes, ((0, 0), (0, 1_024)))
    return block.process(np.ascontiguousarray(padded))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level_db", [0.0, 6.0, 20.0])
def test_no_wave_passes_one(kind, level_db):
    rng = np.random.default_rng(5)
    for _ in range(4):
        flat = np.stack([np.pad(draw(rng, kind, 2_000), 400) for _ in range(2)], axis=1)
        out = held(planes_of(flat * 10 ** (level_db / 20)))
        # The wave 16 times oversampled: beyond the 192 kHz grid.
        assert max(np.abs(wave(line)).max() for line in out) <= 1.0


def test_an_overload_is_brought_to_the_ceiling_and_not_below():
    for hertz in (400, 5_000, 14_900):
        tone = 3.0 * np.sin(2 * np.pi * hertz / 48_000 * np.arange(24_000))
        out = held(planes_of(tone[:, None], tau_us=75.0))
        peak_db = 20 * np.log10(np.abs(wave(out[0])).max())
        assert -0.03 <= peak_db <= 0.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tau_us", [50.0, 75.0])
def test_an_fm_master_at_full_scale_passes_bit_by_bit(kind, tau_us):
    rng = np.random.default_rng(11)
    for _ in range(6):
        limiter = FmLimiter(48_000, 1, tau_us=tau_us)
        x = np.pad(draw(rng, kind, 3_000), (600, 600 + limiter.delay_samples))
        planes = planes_of(limiter.process(x.astype(np.float32)[:, None]), tau_us)
        block = Ceiling(1)
        out = held(planes, block)
        assert block.steps_limited == 0
        start = block.delay_samples
        np.testing.assert_array_equal(out[:, start : start + planes.shape[1]], planes)


def test_just_below_the_ceiling_nothing_happens_and_just_above_something_does():
    tone = np.sin(2 * np.pi * 7_000 / 192_000 * np.arange(40 * STEP) + 0.3)
    for over_db, limited in ((-MARGIN_DB - 0.005, False), (-MARGIN_DB + 0.005, True)):
        planes = (tone * 10 ** (over_db / 20) * np.ones((2, 1))).astype(np.float32)
        planes[0] *= 0.5  # either line may call
        planes[:, : 4 * STEP] *= np.linspace(0, 1, 4 * STEP, dtype=np.float32)
        block = Ceiling(2)
        block.process(planes)
        assert (block.steps_limited > 0) is limited


def test_both_lines_share_one_gain():
    rng = np.random.default_rng(3)
    planes = planes_of(np.stack([np.pad(draw(rng, "noise", 4_000), 400)] * 2, axis=1) * 5.0)
    planes[1] *= np.float32(0.25)
    out = held(planes)
    np.testing.assert_allclose(out[1], 0.25 * out[0], atol=1e-7)


def test_the_gain_is_too_smooth_to_reach_the_pilot():
    """15 kHz from silence to 20 dB over: its side bands stay out of 19 kHz ± 1 kHz."""
    n = 48_000
    tone = np.sin(2 * np.pi * 14_000 / 48_000 * np.arange(n)) * 10.0 ** (
        np.where(np.arange(n) % 4_800 < 2_400, 0, -30) / 20
    )
    flat = make_audio_low_pass(1).process((0.8 * tone).astype(np.float32)[:, None])
    planes = planes_of(flat)
    out = held(planes)[0]
    spectrum = np.abs(np.fft.rfft(out * np.blackman(len(out))))
    hertz = np.fft.rfftfreq(len(out), 1 / 192_000)
    near_pilot = spectrum[(hertz > 18_000) & (hertz < 20_000)].max()
    assert 20 * np.log10(near_pilot / spectrum.max()) < -75.0


@pytest.mark.parametrize("shape", [(1, STEP), (2, STEP - 1), (3, STEP)])
def test_a_piece_of_another_shape_is_refused(shape):
    with pytest.raises(BlockContractError):
        Ceiling(2).process(np.zeros(shape, np.float32))


def test_reset_equals_new():
    planes = planes_of(np.random.default_rng(4).standard_normal((3_000, 2)))
    block = Ceiling(2)
    first = block.process(planes)
    block.reset()
    assert block.steps == block.steps_limited == 0
    np.testing.assert_array_equal(block.process(planes), first)
