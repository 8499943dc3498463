"""GNU Radio's stereo receiver, run by Debian's own Python: left and right as float32 pairs.

    /usr/bin/python3 gnuradio_stereo.py IQ RATE_HZ OUT TAU_US

IQ is complex64 at zero offset and a multiple of 48 kHz; `analog.wfm_rcv_pll` demodulates it,
locks to the pilot, decodes and takes the 50 or 75 µs off. OUT is at 48 kHz.
"""

import sys

from gnuradio import analog, blocks, gr

AUDIO_HZ = 48_000


def main():
    path, rate_hz, out, tau_us = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    top = gr.top_block()
    source = blocks.file_source(gr.sizeof_gr_complex, path, False)
    receiver = analog.wfm_rcv_pll(rate_hz, rate_hz // AUDIO_HZ, tau_us * 1e-6)
    pair = blocks.interleave(gr.sizeof_float)
    top.connect(source, receiver)
    top.connect((receiver, 0), (pair, 0))
    top.connect((receiver, 1), (pair, 1))
    top.connect(pair, blocks.file_sink(gr.sizeof_float, out))
    top.run()


if __name__ == "__main__":
    main()
