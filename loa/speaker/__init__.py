"""`loa speaker`: the reference loudspeaker.

`settings` SPEAKER.toml · `live` one RTP source: sockets, receiver, player · `fallback` what is
played where nothing live comes · `outputs` null, file, sound card · `loop` joins them every 20 ms ·
`status_line` what it says · `program` opens it all.

With keys: `door` judges what comes, `port` is its socket and thread, `news` what it lets in ·
`signed_source` live audio of sessions · `bulletin_voice` what is heard of bulletins, `shelf` their
recordings · `provisioned` the keys and what belongs to them.

`health`: `volume` by the time of day, `proof_of_play`, `watchdog`.
"""
