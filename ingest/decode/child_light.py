"""The decoder's child without FFmpeg: WAV, FLAC, AIFF, MP3, G.711, ready in a third of the time.

What needs FFmpeg it passes on: the parent then starts the full child (`child.py`).
"""

from __future__ import annotations

from ingest.decode.child import run
from ingest.decode.lean_soundfile import load_soundfile


def main(*numbers: int) -> None:
    """Run it; the parent starts this."""
    load_soundfile()
    from ingest.decode.sources import open_light_source, rehearse_light

    rehearse_light()
    run(open_light_source, *numbers)
