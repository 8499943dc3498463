"""The chains, whole: what they must hold on speech-like sound."""

import types

import numpy as np
import pytest

from dsp.master.hum_notch import HumNotch
from dsp.measure.programme import ProgrammeMeter
from tests.dsp.contract_suite import BlockContract
from transmit.chain import build_chain
from transmit.profile import load_profile, profile_names

RATE_HZ = 24_000


def figures(speech=-26.0, floor=-60.0, faults=()):
    return types.SimpleNamespace(
        active_speech_level_dbov=speech, noise_floor_dbfs=floor, faults=faults
    )


class TestChain(BlockContract):
    def make(self):
        return build_chain(load_profile("web"), 48_000, 2, figures())


def speech(seconds, seed=0):
    """Noise with the spectrum and the syllables of speech, and the mask of its pauses.

    A pause lasts 0.7 s; its first 60 ms still hold the ringing of the filters and do not count.
    """
    rng = np.random.default_rng(seed)
    n = seconds * RATE_HZ
    at = np.fft.rfftfreq(n, 1 / RATE_HZ)
    shape = (at / 150) / (1 + (at / 150) ** 2) / np.sqrt(1 + (at / 800) ** 2)
    carrier = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * shape, n)
    t = np.arange(n) / RATE_HZ
    talking = (t % 3.0) < 2.3
    pause = (t % 3.0) > 2.36
    syllables = 0.15 + np.abs(np.sin(2 * np.pi * 2.0 * t)) ** 2
    voice = carrier * syllables * talking
    return voice / np.sqrt(np.mean(voice[talking] ** 2)), pause


def measure(sound):
    meter = ProgrammeMeter(RATE_HZ, 1)
    meter.process(np.ascontiguousarray(sound[:, None], dtype=np.float32))
    return meter.result()


def mastered(name, sound):
    chain = build_chain(load_profile(name), RATE_HZ, 1, measure(sound))
    padded = np.concatenate((sound, np.zeros(chain.delay_samples)))
    frames = np.ascontiguousarray(padded[:, None], dtype=np.float32)
    return chain.process(frames)[chain.delay_samples :, 0].astype(np.float64)


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize("snr_db", [10, 20, 30, 50])
def test_pauses_never_rise_more_than_the_speech(name, snr_db):
    voice, pause = speech(30)
    rng = np.random.default_rng(5)
    sound = 0.05 * (voice + 10 ** (-snr_db / 20) * rng.standard_normal(len(voice)))
    heard = mastered(name, sound)

    def ratio_db(x):
        return 10 * np.log10(np.mean(x[~pause] ** 2) / np.mean(x[pause] ** 2))

    assert ratio_db(heard) >= ratio_db(sound) - 1.0
    before, after = measure(sound), measure(heard)
    levels = [f.active_speech_level_dbov - f.noise_floor_dbfs for f in (before, after)]
    assert levels[1] >= levels[0] - 1.0


def test_sections_20_db_apart_end_within_6_lu():
    voice, _ = speech(80)
    loud = (np.arange(len(voice)) // (20 * RATE_HZ)) % 2 == 0
    noise = np.random.default_rng(2).standard_normal(len(voice)) * 3e-4
    sound = voice * np.where(loud, 0.1, 0.01) + noise * 0.1
    assert measure(sound).loudness_range_lu > 15.0
    assert measure(mastered("ip", sound)).loudness_range_lu <= 6.0


def test_the_level_of_the_source_does_not_matter():
    voice, _ = speech(12)
    quiet, loud = (mastered("ip", voice * gain) for gain in (0.003, 0.2))
    np.testing.assert_allclose(quiet, loud, atol=0.02 * np.abs(loud).max())


def test_a_hum_notch_is_built_only_where_it_hums():
    hum = types.SimpleNamespace(kind="hum")
    for faults, expected in (((), 0), ((hum,), 1)):
        chain = build_chain(load_profile("ip"), RATE_HZ, 1, figures(faults=faults))
        assert sum(isinstance(block, HumNotch) for block in chain.blocks) == expected


@pytest.mark.parametrize("name", profile_names())
def test_programmes_without_speech_or_floor_are_mastered_too(name):
    for before in (figures(None, None), figures(-np.inf, -np.inf), figures(-3.0, -5.0)):
        chain = build_chain(load_profile(name), 48_000, 1, before)
        assert np.isfinite(chain.process(np.ones((5000, 1), np.float32))).all()


def test_neighbouring_filters_are_run_as_one():
    hum = types.SimpleNamespace(kind="hum")
    chain = build_chain(load_profile("ip"), RATE_HZ, 1, figures(faults=(hum,)))
    assert len(chain._run) == len(chain.blocks) - 1
    frames = np.random.default_rng(1).standard_normal((9_000, 1)).astype(np.float32) * 0.1
    one_by_one = frames
    for block in build_chain(load_profile("ip"), RATE_HZ, 1, figures(faults=(hum,))).blocks:
        one_by_one = block.process(one_by_one)
    np.testing.assert_allclose(chain.process(frames), one_by_one, rtol=0, atol=3e-6)
