"""The quadrature error is found and taken back; what only looks like one is left alone."""

import numpy as np
import pytest

from dsp.receive.front.channelizer import Channelizer
from tests.naive.channels import as_u8, tone
from tests.naive.discriminating import fm_tone

RATE_HZ = 1_024_000
STRONG_HZ, WEAK_HZ = 250_000.0, -250_000.0


def band(seconds, image, weak=0.0, seed=5):
    """A strong station, its image, and perhaps a weak station right there."""
    n = int(seconds * RATE_HZ)
    rng = np.random.default_rng(seed)
    clean = 0.4 * fm_tone(n, RATE_HZ, 1_000.0, 60_000.0, STRONG_HZ)
    clean = clean + weak * fm_tone(n, RATE_HZ, 1_700.0, 30_000.0, WEAK_HZ)
    clean = clean + 0.003 * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    return clean + image * np.conj(clean)


@pytest.mark.parametrize("image", [0.03 + 0.02j, -0.01j, 0.1])
@pytest.mark.parametrize("weak", [0.0, 0.05])
def test_an_image_is_found_and_taken_back(image, weak):
    block = Channelizer(RATE_HZ, [WEAK_HZ])
    [baseband] = block.process(band(2.0, image, weak).astype(np.complex64))
    assert block.image == pytest.approx(image, abs=0.03 * abs(image) + 5e-4)
    # Before it is known the image stands at 0.4 |image|, afterwards 30 dB lower.
    late = np.abs(baseband[-OUT_TAIL:])
    rest = np.abs(late - weak)
    assert np.sqrt(np.mean(rest**2)) < 0.4 * abs(image) / 30 + 0.003


OUT_TAIL = 100_000


def test_an_eight_bit_capture_is_corrected_too():
    block = Channelizer(RATE_HZ, [WEAK_HZ])
    block.process(as_u8(band(2.0, 0.05)))
    assert block.image == pytest.approx(0.05, abs=2e-3)


def test_a_perfect_receiver_is_left_alone():
    block = Channelizer(RATE_HZ, [WEAK_HZ])
    block.process(band(2.0, 0.0, weak=0.4).astype(np.complex64))
    assert block.image == 0


def test_bare_carriers_that_mirror_each_other_are_no_image():
    n = 2 * RATE_HZ
    iq = tone(n, RATE_HZ, STRONG_HZ, 0.4) + tone(n, RATE_HZ, WEAK_HZ + 3.0, 0.2, 1.0)
    block = Channelizer(RATE_HZ, [WEAK_HZ])
    [baseband] = block.process(iq.astype(np.complex64))
    assert np.abs(baseband[1_000:]).mean() == pytest.approx(0.2, abs=2e-3)


def test_a_station_at_the_centre_is_no_image_of_itself():
    n = 2 * RATE_HZ
    rng = np.random.default_rng(1)
    iq = 0.4 * fm_tone(n, RATE_HZ, 500.0, 2_000.0)
    iq = iq + 0.002 * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    block = Channelizer(RATE_HZ, [0.0])
    block.process(iq.astype(np.complex64))
    assert block.image == 0
