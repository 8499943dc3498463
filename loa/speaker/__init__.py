"""`loa speaker`: the reference loudspeaker.

`settings` SPEAKER.toml · `live` one RTP source: sockets, receiver, player · `fallback` what is
played where nothing live comes · `outputs` null, file, sound card · `program` the loop that joins
them, and what it says.
"""
