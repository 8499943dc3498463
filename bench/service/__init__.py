"""Benches of the transcoding service."""
