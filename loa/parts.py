"""`loa doctor`: the parts Loa can use, whether this machine has them, and what mends each.

Optional hardware parts are imported here and nowhere else before they are needed; a library can be
there while the shared object behind it is not (OSError, AttributeError at import).
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loa import reporting

if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_PART_MISSING = 3
NOT_THERE = (ImportError, OSError, AttributeError)


@dataclass(frozen=True)
class Part:
    """One part: `state` is ok, missing or no_device; `advice` is the one command that mends it."""

    name: str
    purpose: str
    state: str
    advice: str | None = None
    needed: bool = False
    detail: str | None = None


def importable(name: str) -> bool:
    """Tell whether a library and the shared objects behind it load."""
    try:
        importlib.import_module(name)
    except NOT_THERE:
        return False
    return True


def library_part(name: str, module: str, purpose: str, advice: str, *, needed: bool) -> Part:
    """Look at a Python library."""
    there = importable(module)
    return Part(name, purpose, "ok" if there else "missing", None if there else advice, needed)


def program_part(name: str, programs: tuple[str, ...], purpose: str, advice: str) -> Part:
    """Look for a program on the path."""
    there = any(shutil.which(program) for program in programs)
    return Part(name, purpose, "ok" if there else "missing", None if there else advice)


def rtl_sdr_part() -> Part:
    """Look for the RTL-SDR library and then for a dongle."""
    purpose = "hears FM stations through a dongle"
    try:
        from rtlsdr.librtlsdr import librtlsdr
    except NOT_THERE:
        return Part("RTL-SDR", purpose, "missing", ".venv/bin/uv sync --inexact --extra radio")
    if librtlsdr.rtlsdr_get_device_count() == 0:
        return Part("RTL-SDR", purpose, "no_device", "plug in the dongle, then lsusb")
    return Part("RTL-SDR", purpose, "ok")


def sound_card_part() -> Part:
    """Look for PortAudio and then for a card that can play."""
    purpose = "plays to and records from a sound card"
    try:
        import sounddevice
    except ImportError:
        return Part(
            "sound card", purpose, "missing", ".venv/bin/uv sync --inexact --extra soundcard"
        )
    except (OSError, AttributeError):
        return Part("sound card", purpose, "missing", "sudo apt-get install -y libportaudio2")
    if not any(device["max_output_channels"] for device in sounddevice.query_devices()):
        return Part("sound card", purpose, "no_device", "aplay -l")
    return Part("sound card", purpose, "ok")


def isolation_part() -> Part:
    """Start a decoder and ask how well it is locked away from this machine."""
    from ingest.decode.decoder import Decoder
    from ingest.decode.sandbox import BARRIERS

    with Decoder() as decoder:
        isolation = decoder.isolation
    lacking = [barrier for barrier in BARRIERS if barrier not in isolation]
    strong = "system_call_filter" in isolation
    return Part(
        "decoder isolation",
        "keeps a hostile file away from this machine",
        "ok" if strong else "missing",
        None if strong else "use a kernel with CONFIG_SECCOMP_FILTER",
        detail=(", ".join(isolation) or "none")
        + (f"; lacking here: {', '.join(lacking)}" if lacking else ""),
    )


def kernel_part() -> Part:
    """Load the kernels, compiling where the cache does not hold them yet."""
    import dsp
    from dsp.kernel import cache_folder, warm_up

    for module in pkgutil.walk_packages(dsp.__path__, "dsp."):
        importlib.import_module(module.name)
    count = warm_up()
    writable = os.access(cache_folder(), os.W_OK)
    return Part(
        "compiled kernels",
        "the speed of everything",
        "ok" if writable else "missing",
        None if writable else "export NUMBA_CACHE_DIR=$HOME/loa-kernels",
        detail=f"{count} kernels",
    )


def ffmpeg_part() -> Part:
    """Look for the encoders and decoders inside PyAV."""
    purpose = "AAC, Opus, G.722, G.711 and most decoders"
    advice = "make setup"
    try:
        import av
    except NOT_THERE:
        return Part("FFmpeg libraries (PyAV)", purpose, "missing", advice, needed=True)
    wanted = {"aac", "libopus", "g722", "pcm_mulaw", "pcm_alaw"}
    lacking = wanted - av.codecs_available
    return Part(
        "FFmpeg libraries (PyAV)",
        purpose,
        "missing" if lacking else "ok",
        advice if lacking else None,
        needed=True,
        detail=f"without {', '.join(sorted(lacking))}" if lacking else f"PyAV {av.__version__}",
    )


CHECKS: tuple[Callable[[], Part], ...] = (
    kernel_part,
    ffmpeg_part,
    lambda: library_part(
        "libsndfile", "soundfile", "WAV, FLAC, AIFF and more", "make setup", needed=True
    ),
    lambda: library_part("LAME", "lameenc", "MP3 at full speed", "make setup", needed=True),
    isolation_part,
    rtl_sdr_part,
    sound_card_part,
    lambda: program_part(
        "Chromium",
        ("chromium", "chromium-browser", "google-chrome"),
        "tests of the pages in a real browser",
        "sudo apt-get install -y chromium",
    ),
    lambda: program_part(
        "ffmpeg", ("ffmpeg",), "the peer of `loa bench`", "sudo apt-get install -y ffmpeg"
    ),
    lambda: library_part(
        "ViSQOL",
        "visqol",
        "speech quality in `loa bench audio --quality`",
        ".venv/bin/uv sync --inexact --extra quality",
        needed=False,
    ),
)


def report_parts(*, as_json: bool) -> int:
    """Print every part; return the exit code of the command."""
    parts = [check() for check in CHECKS]
    if as_json:
        listed = [
            {
                "name": part.name,
                "state": part.state,
                "try": part.advice,
                "purpose": part.purpose,
                "needed": part.needed,
                "detail": part.detail,
            }
            for part in parts
        ]
        reporting.print_json("doctor", {"parts": listed})
    else:
        print_parts(parts)
    lacking = any(part.needed and part.state != "ok" for part in parts)
    return EXIT_PART_MISSING if lacking else 0


def print_parts(parts: list[Part]) -> None:
    """Print the parts as a table for a person."""
    from rich.table import Table

    from loa.tables import print_table

    words = {"ok": "ok", "missing": "missing", "no_device": "no device"}
    table = Table()
    for heading in ("part", "state", "what for", "to mend it"):
        table.add_column(heading, overflow="fold")
    for part in parts:
        state = words[part.state] + (f" ({part.detail})" if part.detail else "")
        table.add_row(part.name, state, part.purpose, part.advice or "")
    print_table(table)
