"""Wire formats of audio over IP that sender and receiver share, sans I/O: bytes in, values out.

`rtp` packets and `sequence` numbers, `rtcp` reports, `sdp` session descriptions, `reed_solomon`
erasure codes and the `fec_frame` around them. No sockets, no clocks, no keys.
"""
