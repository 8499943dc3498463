"""Audio over RTP, the sending side.

`payloads` audio into payloads of a codec · `stream` payloads into packets with their times, FEC and
SRTP (sans I/O) · `fan_out` packets to many addresses at once · `reception` how they arrive.
"""
