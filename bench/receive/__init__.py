"""Benches of the receiver: speed, memory, and how far its figures are right."""
