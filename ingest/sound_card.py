"""The sound library, PortAudio behind sounddevice, and the refusals where it or a card is missing.

Loaded when a card is asked for. `transmit` has a card of its own kind, which plays a multiplex.
"""

from __future__ import annotations

from typing import Any

from dsp.errors import Refusal

RECORDS = "a sound card that records"
PLAYS = "a sound card that plays"


def sound_library(expected: str) -> Any:
    """Return `sounddevice`; `expected` is what is missing where it does not load.

    Raises
    ------
    Refusal
        "sound_card.missing", exit code 3, with the command that installs it.
    """
    try:
        import sounddevice
    except ImportError:
        install = ".venv/bin/uv sync --inexact --extra soundcard"
        raise no_card("no sounddevice", install, expected) from None
    except (OSError, AttributeError) as error:
        raise no_card(str(error), "sudo apt-get install -y libportaudio2", expected) from None
    return sounddevice


def no_card(got: str, advice: str, expected: str) -> Refusal:
    """Return the refusal where a card, or the library for it, is missing."""
    first = got.splitlines()[0] if got else "none"
    return Refusal("sound_card.missing", expected=expected, got=first, advice=advice, exit_code=3)


def device_of(name: str) -> int | str | None:
    """Return a card as the library takes it: a number, a name, or None for its first choice."""
    return (int(name) if name.isdigit() else name) or None
