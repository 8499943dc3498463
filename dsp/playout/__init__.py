"""What a loudspeaker does to audio between network and sound card: NumPy only, no numba.

`variable_rate` reads a stream at a rate that may change by parts per million · `concealment` fills
what was lost · `rate_control` decides the rate, so that loudspeakers speak in step.
"""
