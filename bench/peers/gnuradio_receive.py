"""GNU Radio 3.10 receiving FM stations, run by Debian's own Python: a peer of `loa bench receive`.

    python3 gnuradio_receive.py mono|stereo FILE.cs8 RATE_HZ OFFSET_HZ [OFFSET_HZ …]

FILE is int8 I and Q in turn: the fast path of GNU Radio. Every station goes through the translating
filter that its own examples use, then `wfm_rcv` or `wfm_rcv_pll`, to 48 kHz into null sinks.
"""

from __future__ import annotations

import sys
from typing import Any

from gnuradio import analog, blocks, gr
from gnuradio import filter as gr_filter
from gnuradio.filter import firdes

CHANNEL_HZ = 240_000
AUDIO_DECIMATION = 5


def build(mode: str, path: str, rate_hz: int, offsets_hz: list[float]) -> Any:
    """Return the flow graph."""
    top = gr.top_block()
    source = blocks.file_source(gr.sizeof_char, path, False)
    samples = blocks.interleaved_char_to_complex(False, 128.0)
    top.connect(source, samples)
    decimation = rate_hz // CHANNEL_HZ
    taps = firdes.low_pass(1.0, rate_hz, 100e3, 40e3)
    for offset_hz in offsets_hz:
        channel = gr_filter.freq_xlating_fir_filter_ccf(decimation, taps, offset_hz, rate_hz)
        top.connect(samples, channel)
        if mode == "mono":
            receiver = analog.wfm_rcv(CHANNEL_HZ, AUDIO_DECIMATION)
            top.connect(channel, receiver, blocks.null_sink(gr.sizeof_float))
        else:
            receiver = analog.wfm_rcv_pll(CHANNEL_HZ, AUDIO_DECIMATION, 50e-6)
            top.connect(channel, receiver)
            for side in (0, 1):
                top.connect((receiver, side), blocks.null_sink(gr.sizeof_float))
    return top


if __name__ == "__main__":
    build(sys.argv[1], sys.argv[2], int(sys.argv[3]), [float(x) for x in sys.argv[4:]]).run()
