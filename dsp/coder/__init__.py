"""The FM coder: audio and data into the multiplex of a transmitter."""
