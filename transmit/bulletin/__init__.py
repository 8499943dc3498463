"""The bulletin envelope `loa.bulletin/1`: who says what to whom, until when, signed end to end.

`content` what a bulletin says · `canonical` its one row of bytes · `envelope` content with its
signatures, from and to JSON · `signing` keys and signatures · `keyring` whose keys may say what ·
`verify` all of it together · `anti_replay` the counters seen, `replay_file` on a disk ·
`challenge` for a device without a clock · `acceptance` the last door before sound · `session` live
audio signed, `key_wrap` its key for each device. Nothing here reads a clock or a socket, and only
`replay_file` a file.
"""
