"""Streaming blocks that shape a programme: filters, dynamics, limiting, loudness."""
