"""Multiplex to radio samples: the FM modulator, the capture's rate, the air and the dongle."""
