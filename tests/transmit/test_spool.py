"""The spool gives back what it was given, from memory, from disk, and across the move."""

import numpy as np
import pytest

from transmit.spool import Spool


def frames(count, channels, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, channels)).astype(np.float32)


@pytest.mark.parametrize("memory_bytes", [0, 100, 4 * 2 * 700, 4 * 2 * 999, 4 * 2 * 1_000, 1 << 20])
def test_what_goes_in_comes_out(memory_bytes, tmp_path):
    x = frames(1_000, 2)
    spool = Spool(2, tmp_path, memory_bytes=memory_bytes)
    for start in range(0, 1_000, 300):
        spool.append(x[start : start + 300])
    np.testing.assert_array_equal(np.concatenate(list(spool.blocks(64))), x)
    np.testing.assert_array_equal(spool.part(250, 500), x[250:750])
    spool.clear()
    assert spool.frames == 0
    assert not list(spool.blocks())
    y = frames(400, 2, seed=1)
    spool.append(y)
    np.testing.assert_array_equal(spool.part(0, 400), y)
    spool.close()
    assert not list(tmp_path.iterdir())


def test_a_block_is_the_readers_own():
    spool = Spool(1)
    spool.append(np.ones((10, 1), np.float32))
    next(spool.blocks())[:] = 5.0
    np.testing.assert_array_equal(spool.part(0, 10), 1.0)
    spool.close()


def test_a_cleared_spool_may_outgrow_its_memory():
    x = frames(50, 1)
    spool = Spool(1, memory_bytes=4 * 20)
    spool.append(x[:10])
    spool.clear()
    spool.append(x)
    np.testing.assert_array_equal(spool.part(0, 50), x)
    spool.close()
