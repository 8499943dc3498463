"""The contract that every one-dimensional streaming block joins by a few lines.

    class TestDiscriminator(StreamContract):
        kind = "iq"                       # "real" float32, "iq" complex64, "iq8" uint8 pairs
        def make(self): return Discriminator(288_000)

    class TestCoder(StreamContract):
        kind = "frames"                   # float32 (n, channels)
        rate = Fraction(4)                # output samples per input sample
        def make(self): return Multiplex(MultiplexSettings())

Cut anywhere, one-sample pieces, empty pieces, reset equals new, `out=` equals returned, input
untouched, earlier output untouched, and a refused piece that leaves the state untouched. Input is
cut along its first axis, output joined along its last: (stations, n) blocks join as they are. A
block with `rate` other than 1 has `output_length(n)`: what the next n input samples will give.
"""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from dsp.contract import BlockContractError


def real_piece(n, seed=7, level=0.5):
    """Multiplex-like float32 (n,): noise bursts with pauses and overloads (1.0 = 100 kHz)."""
    rng = np.random.default_rng(seed)
    envelope = np.repeat(10.0 ** rng.uniform(-4, 0.3, 30), n // 30 + 1)[:n]
    return (rng.standard_normal(n) * level * envelope).astype(np.float32)


def iq_piece(n, seed=7):
    """An FM carrier in noise, complex64 (n,), with fades to nothing."""
    rng = np.random.default_rng(seed)
    phase = np.cumsum(rng.standard_normal(n) * 0.5)
    noise = (rng.standard_normal(n) + 1j * rng.standard_normal(n)) * 0.01
    envelope = np.repeat(rng.uniform(0, 1, 30) > 0.2, n // 30 + 1)[:n]
    return (0.6 * envelope * np.exp(1j * phase) + noise).astype(np.complex64)


def iq8_piece(n, seed=7):
    """The same as n interleaved pairs of uint8."""
    pairs = iq_piece(n, seed).view(np.float32)
    return np.clip(np.round(pairs * 127.5 + 127.5), 0, 255).astype(np.uint8)


def frames_piece(n, seed=7, channels=2):
    """Audio frames float32 (n, channels)."""
    return np.ascontiguousarray(
        np.stack([real_piece(n, seed + 100 * c, 0.3) for c in range(channels)], axis=1)
    )


PIECES = {"real": real_piece, "iq": iq_piece, "iq8": iq8_piece, "frames": frames_piece}

OTHER_TYPES = {
    "real": np.float64,
    "iq": np.complex128,
    "iq8": np.int16,
    "frames": np.float64,
}


def run_in_pieces(block, samples, cuts, unit=1):
    """Feed `samples` cut at `cuts` (in samples); return the joined output."""
    edges = [0, *sorted(cuts), len(samples) // unit]
    return np.concatenate(
        [
            block.process(np.ascontiguousarray(samples[a * unit : b * unit]))
            for a, b in itertools.pairwise(edges)
        ],
        axis=-1,
    )


class StreamContract:
    """Inherit and define `make()`; set `kind`, `rate`, `total` and `tolerance` where they differ.

    Override `piece(n, seed)` for input that the block wants more special.
    """

    kind = "real"
    rate = Fraction(1)
    total = 9_000  # input samples
    few = 700  # input samples of the one-sample test
    # Sample-exact unless a block says otherwise: same arithmetic in the same order.
    tolerance = 0.0

    def make(self):
        raise NotImplementedError

    def piece(self, n, seed=7):
        return PIECES[self.kind](n, seed)

    @property
    def unit(self):
        """Elements of the first axis that make one sample."""
        return 2 if self.kind == "iq8" else 1

    def same(self, one, other):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=self.tolerance)

    @pytest.mark.parametrize("seed", range(4))
    def test_cut_anywhere(self, seed):
        samples = self.piece(self.total, seed)
        cuts = np.random.default_rng(seed).integers(0, self.total, 12)
        self.same(
            run_in_pieces(self.make(), samples, cuts, self.unit), self.make().process(samples)
        )

    def test_one_sample_pieces(self):
        samples = self.piece(self.few)
        cut = run_in_pieces(self.make(), samples, range(1, self.few), self.unit)
        self.same(cut, self.make().process(samples))

    def test_as_many_samples_come_out_as_the_rate_says(self):
        whole = self.make().process(self.piece(self.total))
        # A block may hold back or give early less than one sample of the slower side.
        slack = 0 if self.rate.denominator == 1 else 1
        assert abs(whole.shape[-1] - self.total * self.rate) <= slack

    def test_an_empty_piece_changes_nothing(self):
        samples = self.piece(self.total)
        block = self.make()
        assert block.process(samples[:0]).shape[-1] == 0
        half = self.total // 2 * self.unit
        parts = [block.process(samples[:half]), block.process(samples[:0])]
        parts.append(block.process(samples[half:]))
        assert parts[1].shape[-1] == 0
        self.same(np.concatenate(parts, axis=-1), self.make().process(samples))

    def test_reset_equals_new(self):
        samples = self.piece(self.total)
        block = self.make()
        block.process(self.piece(self.total - 321, seed=99))
        block.reset()
        np.testing.assert_array_equal(block.process(samples), self.make().process(samples))

    def test_out_equals_returned(self):
        block, twin = self.make(), self.make()
        for n in (self.total // 3, 7, 1, self.total // 2):
            samples = self.piece(n, seed=n)
            wanted = twin.process(samples)
            if self.rate != 1:
                assert block.output_length(n) == wanted.shape[-1]
            out = np.empty_like(wanted)
            assert block.process(samples, out=out) is out
            np.testing.assert_array_equal(out, wanted)

    def test_a_wrong_out_is_refused_and_leaves_the_state_untouched(self):
        samples = self.piece(self.total)
        block, twin = self.make(), self.make()
        wanted = twin.process(samples)
        block.process(samples)
        other = np.float64 if wanted.dtype != np.float64 else np.float32
        longer = np.empty((*wanted.shape[:-1], wanted.shape[-1] + 5), wanted.dtype)
        for out in (longer, np.empty(wanted.shape, other)):
            with pytest.raises(BlockContractError):
                block.process(samples, out=out)
        np.testing.assert_array_equal(block.process(samples), twin.process(samples))

    def test_input_is_left_alone(self):
        samples = self.piece(self.total)
        kept = samples.copy()
        samples.flags.writeable = False  # read-only input is welcome
        self.make().process(samples)
        np.testing.assert_array_equal(samples, kept)

    def test_earlier_output_is_left_alone(self):
        block = self.make()
        first = block.process(self.piece(self.total))
        kept = first.copy()
        block.process(self.piece(self.total, seed=3))
        np.testing.assert_array_equal(first, kept)

    def spoiled(self):
        """Pieces that must be refused, by name."""
        good = self.piece(self.total, seed=5)
        bad = {
            "another dtype": good.astype(OTHER_TYPES[self.kind]),
            "one axis more": np.ascontiguousarray(good[..., None]),
            "strided": good[::2],
            "a list": good.tolist(),
        }
        if self.kind == "iq8":
            bad["half a pair"] = good[:-1]
        else:
            for name, value in (("NaN", np.nan), ("infinity", np.inf), ("-infinity", -np.inf)):
                bad[name] = good.copy()
                bad[name][5] = value
            bad["both infinities"] = bad["infinity"].copy()
            bad["both infinities"][9] = -np.inf
        return bad

    def test_a_refused_piece_leaves_the_state_untouched(self):
        before, after = self.piece(self.total), self.piece(self.total, seed=3)
        block, twin = self.make(), self.make()
        block.process(before)
        twin.process(before)
        for name, samples in self.spoiled().items():
            try:
                block.process(samples)
            except BlockContractError:
                continue
            pytest.fail(f"took a piece with {name}")
        np.testing.assert_array_equal(block.process(after), twin.process(after))

    def test_silence_and_denormals_stay_finite(self):
        values = (127, 128, 0, 255) if self.kind == "iq8" else (0.0, 1e-42, -1e-42, 1.0, -1.0)
        block = self.make()
        for value in values:
            given = np.full_like(self.piece(500), value)
            assert np.isfinite(block.process(given)).all()

    def test_it_states_its_delay(self):
        assert self.make().delay_samples >= 0
