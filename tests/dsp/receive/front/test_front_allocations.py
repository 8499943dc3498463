"""The front end in its steady state: blocks go through, and no memory is asked for."""

import tracemalloc

import numpy as np
import pytest

from dsp.receive.composite.discriminator import Discriminator
from dsp.receive.front.channelizer import Channelizer

RATE_HZ = 2_400_000
PIECE = RATE_HZ // 10
EIGHT_HZ = (-1_050e3, -750e3, -450e3, -150e3, 150e3, 450e3, 750e3, 1_050e3)


class Front:
    """Channelizer and discriminators into arrays that are there already."""

    def __init__(self, offsets_hz, capture):
        self.capture = capture
        self.channelizer = Channelizer(RATE_HZ, offsets_hz)
        self.discriminators = [Discriminator(amplitudes=False) for _ in offsets_hz]
        self.channels = {}
        self.composite = np.empty(RATE_HZ, np.float32)

    def take(self, pieces):
        for number in range(pieces):
            begin = number % 4 * 2 * PIECE
            length = self.channelizer.output_length(PIECE)
            if length not in self.channels:
                shape = (self.channelizer.stations, length)
                self.channels[length] = np.empty(shape, np.complex64)
            out = self.channels[length]
            self.channelizer.process(self.capture[begin : begin + 2 * PIECE], out)
            for block, station in zip(self.discriminators, out, strict=True):
                block.process(station, self.composite[:length])
            self.channelizer.take_spectra()


@pytest.mark.parametrize("offsets_hz", [(300e3,), EIGHT_HZ])
def test_a_second_of_eight_bits_allocates_no_block(offsets_hz):
    capture = np.random.default_rng(0).integers(0, 256, 8 * PIECE, np.uint8)
    front = Front(offsets_hz, capture)
    front.take(12)
    tracemalloc.start()
    try:
        front.take(4)  # what Python itself keeps, its free lists, is there now
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        front.take(10)
        after, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A block of one station is 230 kB, of the capture 480 kB; a spectrum frame, which is handed
    # out, some 40 kB.
    assert highest - before < 100_000
    assert after - before < 10_000
