"""Benches of playout, RTP, loudspeakers and the relay."""
