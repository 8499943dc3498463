"""ITU-T G.191 vectors of A-law: every code of the sweep, bit for bit."""

import os
from pathlib import Path

import numpy as np

from ingest.decode.decoder import Decoder

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
VECTORS = Path(os.environ.get("LOA_SHARED_DATA", BESIDE)) / "codec" / "g711"


def test_a_law_of_the_itu_sweep(tmp_path):
    codes = np.fromfile(VECTORS / "sweep-r.a", "<i2").astype(np.uint8)
    path = tmp_path / "sweep.alaw"
    path.write_bytes(codes.tobytes())
    with Decoder() as decoder, decoder.open(path) as audio:
        heard = np.concatenate([block.copy() for block in audio.blocks()])[:, 0]
    np.testing.assert_array_equal(heard, np.fromfile(VECTORS / "sweep-r.rea", "<i2"))
