"""Benches of the delay between two hearings of one programme."""
