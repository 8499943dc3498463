"""How sound travels through the relay: mono, 20 ms at a time."""

RATE_HZ = 48_000
BLOCK_SAMPLES = 960
BLOCK_S = BLOCK_SAMPLES / RATE_HZ
