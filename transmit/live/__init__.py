"""Mastering of what is live: block by block, with a look-ahead of milliseconds.

`loudness_rider` which gain next · `live_master` chain, gain and limiter as one block · `delay_line`
what makes paths of different length equal · `coded_line` control codes around a programme ·
`pipe_writer` what is live into a pipe.
"""
