"""The numbers: numba kernels and the streaming blocks around them.

Nothing in here opens a file or a socket, reads a clock, logs, or starts a thread. Audio blocks take
and give float32 frames of shape (n, channels) and work on pieces of any size: however a stream is
cut, the output is the same.
"""
