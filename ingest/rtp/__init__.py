"""Audio over RTP, the receiving side, sans I/O.

`decoders` payloads into audio · `media_clock` which moment a timestamp is · `timeline` audio by its
place, holes included · `receiver` datagrams into a timeline, counted, repaired, never believed.
"""
