"""`loa speaker`: the reference loudspeaker.

`settings` SPEAKER.toml · `fallback` what is played where nothing live comes · `outputs` null, file,
sound card · `loop` joins them every 20 ms · `status_line` what it says · `program` opens it all ·
`health`: `volume` by the time of day, `proof_of_play`, `watchdog`. What comes, and whether it may
be heard, is in `loa.device`.
"""
