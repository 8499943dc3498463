"""The receiver of one station and of a whole band: sources and dsp blocks joined."""
