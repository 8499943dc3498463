"""GNU Radio and gr-rds listen to one station; run by Debian's own Python, prints JSON lines.

    /usr/bin/python3 gnuradio_station.py mpx|iq FILE RATE_HZ

`mpx` is float32 composite, `iq` complex64 at zero offset, demodulated here by GNU Radio. Lines are
{"group": 16 digits} from gr-rds' decoder and {"kind", "text"} from its parser.
"""

import json
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
    near = gr_filter.freq_xlating_fir_filter_fcc(
        8, firdes.low_pass(100.0, rate_hz, 3_000, 1_500), 57_000, rate_hz
    )
    eight = gr_filter.rational_resampler_ccc(interpolation=19_000, decimation=rate_hz // 8)
    shape = gr_filter.fir_filter_ccf(1, firdes.root_raised_cosine(1, 19_000, 2_375, 1, 151))
    halves = digital.psk.psk_demod(
        constellation_points=2, differential=False, samples_per_symbol=8, mod_code="gray"
    )
    bits, source_bits = blocks.keep_one_in_n(1, 2), digital.diff_decoder_bb(2)
    decoder, parser = rds.decoder(False, False), rds.parser(False, False, 0)
    top.connect(composite, near, eight, shape, halves, bits, source_bits, decoder)
    listener = Listener()
    top.msg_connect(decoder, "out", parser, "in")
    top.msg_connect(decoder, "out", listener, "groups")
    top.msg_connect(parser, "out", listener, "texts")
    top.run()
    for line in listener.heard:
        print(json.dumps(line))  # noqa: T201 - this program's output


if __name__ == "__main__":
    main()
