"""Audio over RTP, the receiving side, sans I/O.

`decoders` payloads into audio · `payload_queue` in order, when they are due · `media_clock` which
moment a timestamp is · `sender_reports` what senders say of themselves · `timeline` audio by its
place, holes included · `receiver` datagrams into a timeline, counted, repaired, never believed ·
`receiver_reports` what we say of the reception · `player` in step, without holes.
"""
