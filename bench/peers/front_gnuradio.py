"""Peer of `bench.receive.front`: GNU Radio's chain from a file to the multiplex, CPU seconds.

    /usr/bin/python3 front_gnuradio.py FILE.s8 REPEATS RATE_HZ OFFSET_HZ...

Run by the system's Python, which has GNU Radio. From int8, its fast path (from uint8 it is six
times slower): convert, mix and decimate by the translating filter that its own receivers use, about
115 taps, quadrature demodulator. Prints the CPU seconds of the flow graph, its start not counted.
"""

import sys
import time
from pathlib import Path

from gnuradio import analog, blocks, gr
from gnuradio import filter as gr_filter
from gnuradio.fft import window


def main() -> None:
    """Run the graph once and print its CPU seconds."""
    path, repeats, rate_hz = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    offsets_hz = [float(text) for text in sys.argv[4:]]
    graph = gr.top_block()
    source = blocks.file_source(gr.sizeof_char, path, repeats > 1)
    size = repeats * Path(path).stat().st_size
    head = blocks.head(gr.sizeof_char, size)
    convert = blocks.interleaved_char_to_complex(False, 1 / 128)
    graph.connect(source, head, convert)
    taps = gr_filter.firdes.low_pass(1.0, rate_hz, 110e3, 70e3, window.WIN_HAMMING)
    for offset_hz in offsets_hz:
        channel = gr_filter.freq_xlating_fir_filter_ccf(10, taps, offset_hz, rate_hz)
        demodulator = analog.quadrature_demod_cf(1.0)
        graph.connect(convert, channel, demodulator, blocks.null_sink(gr.sizeof_float))
    began_s = time.process_time()
    graph.run()
    print(time.process_time() - began_s)


if __name__ == "__main__":
    main()
