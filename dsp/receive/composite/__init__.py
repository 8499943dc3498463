"""From a channel to its composite, and what is decoded from that: left, right and the tones."""
