"""GNU Radio and gr-rds listen to one station; run by Debian's own Python, prints JSON lines.

    /usr/bin/python3 gnuradio_station.py mpx|iq FILE RATE_HZ

`mpx` is float32 composite, `iq` complex64 at zero offset, demodulated here by GNU Radio. Lines are
{"group": 16 digits} from gr-rds' decoder and {"kind", "text"} from its parser.
"""

import json
import math
import sys

import pmt
import rds
from gnuradio import analog, blocks, digital, gr
from gnuradio import filter as gr_filter
from gnuradio.filter import firdes

KINDS = ("pi", "ps", "pty", "flags", "rt", "ct", "af")


class Listener(gr.basic_block):
    """Keeps what the decoder and the parser say, in one thread and so in order."""

    def __init__(self):
        super().__init__("listener", [], [])
        self.heard = []
        for port, handler in (("groups", self.take_group), ("texts", self.take_text)):
            self.message_port_register_in(pmt.intern(port))
            self.set_msg_handler(pmt.intern(port), handler)

    def take_group(self, message):
        self.heard.append(group(message))

    def take_text(self, message):
        self.heard.append(parsed(message))


def group(message):
    return {"group": bytes(pmt.u8vector_elements(pmt.cdr(message))[:8]).hex().upper()}


def parsed(message):
    kind, text = pmt.to_long(pmt.tuple_ref(message, 0)), pmt.to_python(pmt.tuple_ref(message, 1))
    return {"kind": KINDS[kind], "text": text}


def main():
    form, path, rate_hz = sys.argv[1], sys.argv[2], int(sys.argv[3])
    top = gr.top_block()
    size = gr.sizeof_float if form == "mpx" else gr.sizeof_gr_complex
    composite = blocks.file_source(size, path, False)
    if form == "iq":
        source, composite = composite, analog.quadrature_demod_cf(1.0)
        top.connect(source, composite)
    # From here on the receiver example of gr-rds 3.10: 16 samples a bit, a filter for the pair of
    # half bits, gain control, clock, carrier, differential code.
    near = gr_filter.freq_xlating_fir_filter_fcc(
        8, firdes.low_pass(100.0, rate_hz, 2_600, 500), 57_000, rate_hz
    )
    slower = gr_filter.rational_resampler_ccc(interpolation=19_000, decimation=rate_hz // 8)
    half = firdes.root_raised_cosine(1.0, 19_000, 19_000 / 8, 1.0, 151)
    pair = gr_filter.fir_filter_ccc(1, [half[n] - half[n + 8] for n in range(len(half) - 8)])
    gain = analog.agc_cc(2e-3, 0.585, 53)
    bpsk = digital.constellation_bpsk().base()
    clock = digital.symbol_sync_cc(
        digital.TED_ZERO_CROSSING, 16, 0.01, 1.0, 1.0, 0.1, 1, bpsk, digital.IR_MMSE_8TAP, 128, []
    )
    carrier = digital.constellation_receiver_cb(bpsk, 2 * math.pi / 100, -0.002, 0.002)
    source_bits = digital.diff_decoder_bb(2, digital.DIFF_DIFFERENTIAL)
    decoder, parser = rds.decoder(False, False), rds.parser(False, False, 0)
    top.connect(composite, near, slower, pair, gain, clock, carrier, source_bits, decoder)
    listener = Listener()
    top.msg_connect(decoder, "out", parser, "in")
    top.msg_connect(decoder, "out", listener, "groups")
    top.msg_connect(parser, "out", listener, "texts")
    top.run()
    for line in listener.heard:
        print(json.dumps(line))  # noqa: T201 - this program's output


if __name__ == "__main__":
    main()
