"""GNU Radio 3.10 with gr-rds as a peer, run by Debian's own Python: `python3 gr_rds.py FILE`.

FILE is float32 multiplex at 240 kHz. The chain and its constants are those of the receiver example
of gr-rds 3.10 from the multiplex on. Prints JSON: every group as 16 hexadecimal digits, in order,
the number of multiplex samples that must go into the chain until the first one comes out (with
`--first`; in steps of `STEP`), and the CPU seconds of the flow graph.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import numpy as np
import pmt
import rds
from gnuradio import analog, blocks, digital, gr
from gnuradio import filter as gr_filter
from gnuradio.filter import firdes

STEP = 2_400  # samples: 10 ms
RATE_HZ = 240_000


def build(samples: Any) -> tuple[Any, list[str], Any]:
    """Return a flow graph over `samples`, the list in which its groups appear, and who fills it."""
    groups: list[str] = []

    class Tap(gr.basic_block):  # type: ignore[misc]  # GNU Radio ships no types
        """Takes the messages of the decoder."""

        def __init__(self) -> None:
            gr.basic_block.__init__(self, "tap", None, None)
            self.message_port_register_in(pmt.intern("in"))
            self.set_msg_handler(pmt.intern("in"), self.take)

        def take(self, message: Any) -> None:
            """Keep one group."""
            data = bytes(pmt.u8vector_elements(pmt.cdr(message)))
            groups.append(data.hex())

    top = gr.top_block()
    source = blocks.vector_source_f(samples.tolist(), False)
    mixed = gr_filter.freq_xlating_fir_filter_fcc(
        10, firdes.low_pass(1.0, RATE_HZ, 7.5e3, 5e3), 57e3, RATE_HZ
    )
    slower = gr_filter.rational_resampler_ccc(
        interpolation=19000, decimation=24000, taps=[], fractional_bw=0
    )
    taps = firdes.root_raised_cosine(1.0, 19000, 19000 / 8, 1.0, 151)
    shaped = gr_filter.fir_filter_ccc(1, [taps[n] - taps[n + 8] for n in range(len(taps) - 8)])
    agc = analog.agc_cc(2e-3, 0.585, 53)
    agc.set_max_gain(1000)
    bpsk = digital.constellation_bpsk().base()
    clock = digital.symbol_sync_cc(
        digital.TED_ZERO_CROSSING, 16, 0.01, 1.0, 1.0, 0.1, 1, bpsk, digital.IR_MMSE_8TAP, 128, []
    )
    carrier = digital.constellation_receiver_cb(bpsk, 2 * math.pi / 100, -0.002, 0.002)
    differential = digital.diff_decoder_bb(2, digital.DIFF_DIFFERENTIAL)
    decoder = rds.decoder(False, False)
    tap = Tap()
    top.connect(source, mixed, slower, shaped, agc, clock, carrier, differential, decoder)
    top.msg_connect((decoder, "out"), (tap, "in"))
    return top, groups, tap  # the graph does not keep a Python block alive


def groups_of(samples: Any) -> list[str]:
    """Return the groups that the chain finds in `samples`."""
    top, groups, _tap = build(samples)
    top.run()
    time.sleep(0.05)  # messages are handed over in another thread
    return groups


def first_group(samples: Any) -> int | None:
    """Return how many samples are wanted until a group comes, in steps, or None."""
    if not groups_of(samples):
        return None
    low, high = 0, len(samples) // STEP
    while high - low > 1:
        middle = (low + high) // 2
        if groups_of(samples[: middle * STEP]):
            high = middle
        else:
            low = middle
    return high * STEP


def main() -> None:
    """Print what the file named on the command line holds."""
    samples = np.fromfile(sys.argv[1], dtype=np.float32)
    began = time.process_time()
    groups = groups_of(samples)
    cpu_s = time.process_time() - began
    first = first_group(samples[: 5 * RATE_HZ]) if "--first" in sys.argv else None
    json.dump({"groups": groups, "first": first, "cpu_s": cpu_s}, sys.stdout)


if __name__ == "__main__":
    main()
