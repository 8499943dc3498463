"""What every device that speaks has in common, be it a loudspeaker or a relay.

No valid signature, no sound: `trust` whom it trusts, in its settings · `keys` on its disk · `door`
judges what comes, `known` what was judged, `port` is its socket and thread, `questions` what it
asks where no clock is trusted, `news` what is let in · `provisioned` opens all that · `admitted`
makes sound of it.

What is heard: `live` one RTP source, `described` those that settings name · `signed_source` live
audio of sessions · `bulletin_voice` bulletins as they come, `shelf` their recordings ·
`bulletin_source` a signed recording, over and over · `steady_clock` the time it is heard by.
"""
