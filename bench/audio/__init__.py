"""Benches of measuring, limiting, mastering and encoding."""
