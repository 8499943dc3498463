"""`loa play`: a commune's schedule and its bulletins, to every zone in real time.

`recordings` decoded audio on the disk · `pipe_relay` live audio out of a pipe · `zone_stream` one
zone's sound as RTP · `intake` the watched folder, on its own thread · `program` joins them.
"""
