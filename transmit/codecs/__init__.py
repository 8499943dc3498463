"""One module per family of codecs: float32 blocks in, a finished file out, in bounded memory."""
