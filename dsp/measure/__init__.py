"""Streaming meters: loudness, true peak, speech level, pauses, hum, clipping and channel faults."""
