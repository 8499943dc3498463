"""GNU Radio's stereo receiver hears our coder and modulator: left and right come back apart."""

import math
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dsp.coder.multiplex import Multiplex
from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_scheduler import RdsScheduler
from dsp.coder.settings import MultiplexSettings
from dsp.modulate.upconvert import Upconverter

pytestmark = pytest.mark.root

RECEIVER = Path(__file__).with_name("gnuradio_stereo.py")
RATE_HZ = 384_000
SECONDS = 4
LEFT_HZ, RIGHT_HZ = (300, 1_000, 6_000, 14_000), (400, 2_500, 9_500, 11_000)


def heard(tmp_path, frames, settings):
    """Left and right as GNU Radio hears them: the last two seconds, float32 (n, 2) at 48 kHz."""
    bits = RdsScheduler(RdsContent(pi=0x7001, ps="TRAVINH"))
    composite = Multiplex(settings, bits).process(frames)
    iq, out = tmp_path / "iq", tmp_path / "out"
    Upconverter(RATE_HZ, amplitude=0.5).process(composite).tofile(iq)
    subprocess.run(
        ["/usr/bin/python3", RECEIVER, iq, str(RATE_HZ), out, str(settings.pre_emphasis_us)],
        capture_output=True,
        check=True,
        timeout=120,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    return np.fromfile(out, np.float32).reshape(-1, 2)[-96_000:]


def level(samples, hertz):
    window = np.hanning(len(samples))
    turned = samples * window * np.exp(-2j * np.pi * hertz / 48_000 * np.arange(len(samples)))
    return 2 * abs(turned.sum()) / window.sum()


def peer_gain(hertz, tau_us):
    """What GNU Radio's one-pole de-emphasis at 48 kHz makes of our analogue pre-emphasis."""
    pole = math.tan(1 / (tau_us * 1e-6) / (2 * 48_000))
    z = np.exp(-2j * np.pi * hertz / 48_000)
    de_emphasis = pole / (1 + pole) * (1 + z) / (1 - (1 - pole) / (1 + pole) * z)
    return abs(de_emphasis) * math.hypot(1, 2 * math.pi * hertz * tau_us * 1e-6)


@pytest.mark.parametrize("tau_us", [50.0, 75.0])
def test_left_and_right_come_back(tmp_path, tau_us):
    n = np.arange(48_000 * SECONDS)
    sides = [
        sum(0.04 * np.sin(2 * np.pi * hertz / 48_000 * n) for hertz in tones)
        for tones in (LEFT_HZ, RIGHT_HZ)
    ]
    settings = MultiplexSettings(pre_emphasis_us=tau_us, rds_hz=2_000.0)
    both = heard(tmp_path, np.stack(sides, axis=1).astype(np.float32), settings)
    share = settings.audio_share_hz / 75_000
    for side, own, other in ((0, LEFT_HZ, RIGHT_HZ), (1, RIGHT_HZ, LEFT_HZ)):
        for hertz in own:
            wanted = 0.04 * share * peer_gain(hertz, tau_us)
            error_db = 20 * np.log10(level(both[:, side], hertz) / wanted)
            assert error_db == pytest.approx(0.0, abs=0.15)
        # The gain of the peer's 38 kHz filter is 1.6 % low, which leaves -42 dB of the other side.
        assert max(crosstalk_db(both, side, hertz) for hertz in other) < -40.0
    # With that one gain set right, at one tone of one side, all the others fall further.
    evened = with_side_gain(both, LEFT_HZ[0])
    for side, other in ((0, RIGHT_HZ), (1, LEFT_HZ)):
        assert max(crosstalk_db(evened, side, hertz) for hertz in other) < -75.0


def crosstalk_db(both, side, hertz):
    """Level in `side` of a tone that belongs to the other."""
    return 20 * np.log10(level(both[:, side], hertz) / level(both[:, 1 - side], hertz))


def with_side_gain(both, left_hertz):
    """Scale (L - R) / 2 so that a tone on the left vanishes from the right."""
    middle, side = both.mean(axis=1), (both[:, 0] - both[:, 1]) / 2
    gain = level(middle, left_hertz) / level(side, left_hertz)
    return np.stack([middle + gain * side, middle - gain * side], axis=1)
