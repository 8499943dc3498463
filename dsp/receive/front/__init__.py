"""From a capture to its channels: one filter bank for all stations, and the spectrum of it."""
