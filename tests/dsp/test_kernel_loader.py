"""Compiled code loaded without numba: the same function, the same refusals, and a way back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsp import kernel_types as types
from dsp.kernel import Kernel
from dsp.kernel_cache import keep, kept

PROGRAM = """
import sys
import numpy as np
from dsp.kernel import kernel, inlined, ready
from dsp import kernel_types as types

SAMPLES = types.Array(types.float32, 1, "C", readonly=True)

@inlined
def scaled(value, gain):
    return value * gain

@kernel(types.float64(SAMPLES, types.Tuple((types.float64[::1], types.float32)), types.int64))
def weigh(samples, setting, first):
    weights, gain = setting
    total = 0.0
    scratch = np.empty(samples.shape[0])
    for n in range(first, samples.shape[0]):
        scratch[n] = scaled(samples[n], gain)
        total += weights[n] * scratch[n]
    return total

samples = np.arange(5, dtype=np.float32)
samples.flags.writeable = False
setting = (np.arange(5) / 2.0, np.float32(3.0))
ready(weigh)
print(weigh(samples, setting, 1), "numba" in sys.modules)
for wrong in (
    (samples.astype(float), setting, 1), (samples, setting), (samples, setting, 1.5),
    (samples, (setting[0][::2], setting[1]), 1), (samples, setting[0], 1),
):
    try:
        weigh(*wrong)
        print("taken")
    except TypeError as error:
        assert "No matching definition" in str(error)
import numba
print(weigh(samples, setting, 0), numba.njit(lambda x: x + 1)(1))
"""


def run(folder: Path) -> list[str]:
    program = folder / "program.py"
    if not program.exists():  # a kernel outside dsp is known by the time stamp of its file
        program.write_text(PROGRAM)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_cached_code_runs_without_numba_and_refuses_the_same(tmp_path):
    assert run(tmp_path) == ["45.0 True", "45.0 2"]
    assert run(tmp_path) == ["45.0 False", "45.0 2"]


@pytest.mark.parametrize("damage", [b"", b"\x05" * 40, None], ids=["empty", "noise", "cut"])
def test_a_damaged_cache_file_is_compiled_anew(tmp_path, damage):
    run(tmp_path)
    (code,) = (tmp_path / "cache").glob("weigh-*.code")
    code.write_bytes(code.read_bytes()[:-3] if damage is None else damage)
    assert run(tmp_path)[0].startswith("45.0")
    assert run(tmp_path)[0].startswith("45.0")


def test_kept_parts_come_back(tmp_path):
    assert kept(tmp_path / "none") is None
    keep(tmp_path / "a" / "b", (b"one", b"", b"three"))
    assert kept(tmp_path / "a" / "b") == (b"one", b"", b"three")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    whole = (tmp_path / "a" / "b").read_bytes()
    for n in range(len(whole)):
        (tmp_path / "a" / "b").write_bytes(whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :])
        assert kept(tmp_path / "a" / "b") is None


def test_strings_and_types_say_the_same():
    said = types.parse("void(float32[:, ::1], Tuple((int64[::1], float64)), complex64[:])")
    assert said == types.void(
        types.Array(types.float32, 2, "C"),
        types.Tuple((types.Array(types.int64, 1, "C"), types.float64)),
        types.Array(types.complex64, 1, "A"),
    )
    assert said.fits(
        (np.zeros((2, 3), np.float32), (np.zeros(1, int), 2.0), np.zeros(9, "c8")[::2])
    )
    assert not said.fits((np.zeros((2, 3), np.float32), (np.zeros(1, int), 2.0), np.zeros(9)))
    with pytest.raises(TypeError, match="signature: expected a call"):
        types.parse("float32[::1]")


def test_what_is_only_read_may_be_read_only():
    fixed = np.zeros(3, np.float32)
    fixed.flags.writeable = False
    assert types.Array(types.float32, 1, "C", readonly=True).fits(fixed)
    assert not types.Array(types.float32, 1, "C").fits(fixed)


def test_a_kernel_is_made_ready_by_its_first_call():
    def twice(values):
        for n in range(values.shape[0]):
            values[n] *= 2.0

    values = np.ones(3)
    Kernel(twice, ("void(float64[::1])",), frozenset())(values)
    assert values.tolist() == [2.0, 2.0, 2.0]
