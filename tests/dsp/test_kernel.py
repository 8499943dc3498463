"""Kernels: declared, compiled once, locked; the cache folder follows the sources."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsp import kernel as kernels
from dsp.kernel import kernel, ready


@kernel("void(float32[::1], float32[::1])")
def double(samples, out):
    for n in range(samples.shape[0]):
        out[n] = samples[n] + samples[n]


def test_a_ready_kernel_refuses_other_types():
    ready(double)
    out = np.zeros(3, np.float32)
    double(np.ones(3, np.float32), out)
    assert out.tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(TypeError, match="No matching definition"):
        double(np.ones(3), np.zeros(3))


def test_a_kernel_equals_its_python_source():
    samples = np.linspace(-1, 1, 7, dtype=np.float32)
    compiled, plain = np.zeros_like(samples), np.zeros_like(samples)
    ready(double)
    double(samples, compiled)
    double.py_func(samples, plain)
    np.testing.assert_array_equal(compiled, plain)


@pytest.mark.parametrize("flag", ["nnan", "ninf", "fast"])
def test_flags_that_assume_there_is_no_nan_are_refused(flag):
    with pytest.raises(ValueError, match="fastmath"):
        kernel("void()", fastmath=frozenset({flag}))


def test_warm_up_makes_every_declared_kernel_ready():
    assert kernels.warm_up() >= 1
    assert double in kernels._READY


def digest_of(root: Path) -> str:
    code = "from dsp.kernel import source_digest; print(source_digest())"
    environment = {**os.environ, "PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(root / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_editing_any_source_of_dsp_moves_the_cache_folder(tmp_path):
    source = Path(kernels.__file__).parent
    shutil.copytree(source, tmp_path / "dsp", ignore=shutil.ignore_patterns("__pycache__"))
    before = digest_of(tmp_path)
    assert digest_of(tmp_path) == before
    with (tmp_path / "dsp" / "contract.py").open("a") as file:
        file.write("# edited\n")
    assert digest_of(tmp_path) != before
