"""The contract that every streaming block joins by one line.

    class TestLimiter(BlockContract):
        def make(self): return Limiter(48_000, channels=2, ceiling_dbfs=-2.0)

Cut anywhere, reset equals new, `out=` equals returned, one-frame blocks, empty blocks, and a
refused piece that leaves the state untouched.
"""

import itertools

import numpy as np
import pytest

from dsp.contract import BlockContractError

CHANNELS = 2
FRAMES = 9_000


def programme(seed=7, frames=FRAMES, channels=CHANNELS):
    """Noise bursts with pauses and one overload: every branch of a dynamics block is visited."""
    rng = np.random.default_rng(seed)
    envelope = np.repeat(10.0 ** rng.uniform(-4, 0.3, 30), frames // 30 + 1)[:frames]
    noise = rng.standard_normal((frames, channels)) * 0.3
    return np.ascontiguousarray(noise * envelope[:, None], dtype=np.float32)


def run_in_pieces(block, frames, cuts):
    """Feed `frames` cut at `cuts`; return the joined output."""
    edges = [0, *sorted(cuts), len(frames)]
    pieces = [
        block.process(np.ascontiguousarray(frames[a:b])) for a, b in itertools.pairwise(edges)
    ]
    return np.concatenate(pieces)


class BlockContract:
    """Inherit and define `make()`, returning a new block for (n, 2) frames at 48 kHz."""

    # Sample-exact unless a block says otherwise: same arithmetic in the same order.
    tolerance = 0.0

    def make(self):
        raise NotImplementedError

    @pytest.mark.parametrize("seed", range(6))
    def test_cut_anywhere(self, seed):
        frames = programme(seed)
        cuts = np.random.default_rng(seed).integers(0, len(frames), 12)
        whole = self.make().process(frames)
        cut = run_in_pieces(self.make(), frames, cuts)
        np.testing.assert_allclose(cut, whole, rtol=0, atol=self.tolerance)

    def test_one_frame_blocks(self):
        frames = programme(frames=1_500)
        whole = self.make().process(frames)
        cut = run_in_pieces(self.make(), frames, range(1, len(frames)))
        np.testing.assert_allclose(cut, whole, rtol=0, atol=self.tolerance)

    def test_an_empty_block_changes_nothing(self):
        frames = programme()
        block = self.make()
        assert block.process(frames[:0]).shape == (0, CHANNELS)
        np.testing.assert_array_equal(block.process(frames), self.make().process(frames))

    def test_reset_equals_new(self):
        frames = programme()
        block = self.make()
        block.process(programme(seed=99))
        block.reset()
        np.testing.assert_array_equal(block.process(frames), self.make().process(frames))

    def test_out_equals_returned(self):
        frames = programme()
        out = np.empty_like(frames)
        assert self.make().process(frames, out=out) is out
        np.testing.assert_array_equal(out, self.make().process(frames))

    def test_input_is_left_alone(self):
        frames = programme()
        kept = frames.copy()
        self.make().process(frames)
        np.testing.assert_array_equal(frames, kept)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda f: f.astype(np.float64),
            lambda f: f[:, :1].copy(),
            lambda f: f[::2],
            lambda f: np.where(np.arange(len(f))[:, None] == 5, np.nan, f).astype(np.float32),
            lambda f: np.where(np.arange(len(f))[:, None] == 5, np.inf, f).astype(np.float32),
            lambda f: np.where(np.abs(f) > 0.5, np.copysign(np.inf, f), f).astype(np.float32),
        ],
        ids=["float64", "one channel", "strided", "NaN", "infinity", "both infinities"],
    )
    def test_a_refused_piece_leaves_the_state_untouched(self, spoil):
        frames = programme()
        block = self.make()
        block.process(frames)
        with pytest.raises(BlockContractError):
            block.process(spoil(programme(seed=5)))
        twin = self.make()
        twin.process(frames)
        after = programme(seed=3)
        np.testing.assert_array_equal(block.process(after), twin.process(after))

    def test_denormals_and_silence_stay_finite(self):
        block = self.make()
        for value in (0.0, 1e-42, -1e-42, 1.0, -1.0):
            piece = np.full((500, CHANNELS), value, dtype=np.float32)
            assert np.isfinite(block.process(piece)).all()
