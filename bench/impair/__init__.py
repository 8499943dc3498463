"""What happens to a programme on its way: seeded impairments, one a module, all of one shape.

An impairment takes mono float32 (n,) at 48 kHz and a random generator, and returns mono float32
of about the same length at 48 kHz, in about the same place (a codec's delay is left in).
`bench.impair.catalogue` names them and their combinations.
"""
