"""The bulletin envelope `loa.bulletin/1`: who says what to whom, until when, signed end to end.

`content` what a bulletin says · `canonical` its one row of bytes · `envelope` content with its
signatures, from and to JSON · `signing` keys and signatures · `keyring` whose keys may say what ·
`verify` all of it together. Nothing here reads a clock, a file or a socket.
"""
