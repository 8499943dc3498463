"""GNU Radio 3.10 puts a multiplex on a carrier at 2.4 MS/s as 8-bit IQ; run by Debian's Python.

    python3 gnuradio_modulate.py FILE

FILE is float32 multiplex at 192 kHz, 1.0 = 100 kHz. Prints the CPU seconds of the flow graph.
"""

from __future__ import annotations

import math
import sys
import time

from gnuradio import analog, blocks, gr
from gnuradio import filter as gr_filter

RATE_HZ = 2_400_000


def main() -> None:
    """Run the flow graph and print its CPU seconds."""
    top = gr.top_block()
    source = blocks.file_source(gr.sizeof_float, sys.argv[1], False)
    raised = gr_filter.rational_resampler_fff(interpolation=25, decimation=2)
    modulator = analog.frequency_modulator_fc(2 * math.pi * 100_000 / RATE_HZ)
    eight_bits = blocks.complex_to_interleaved_char(False, 127.5)
    top.connect(source, raised, modulator, eight_bits, blocks.null_sink(gr.sizeof_char))
    began_s = time.process_time()
    top.run()
    print(time.process_time() - began_s)


if __name__ == "__main__":
    main()
