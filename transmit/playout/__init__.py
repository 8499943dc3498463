"""Playout: what every zone plays at every moment, and the sound of it. Sans I/O but for `inbox`.

`schedule` SCHEDULE.toml · `local_time` a commune's clock · `timeline` who plays when, by TT 39 ·
`programme` schedule and accepted bulletins as a timeline, `what_plays`, clashes · `mixer` cross-
fades · `zone_player` the sound of a zone, with its fallbacks · `status` what was played ·
`bulletin_store` and `inbox` what is taken in, durable before it is acknowledged.
"""
