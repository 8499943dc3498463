"""The refusals of radio sources: one function per kind, so that each is worded once.

Kinds: source.unknown, source.silent (exit 4), iq.empty, iq.rate, iq.rate_missing, iq.format,
iq.mislabelled, iq.header, iq.sigmf, iq.not_found, iq.unreadable (exit 4), rtl_tcp.unreachable and
rtl_tcp.protocol (exit 4), rtl_sdr.missing, rtl_sdr.no_device (exit 3), sound_card.missing (exit 3),
multiplex.rate.
"""

from __future__ import annotations

from dsp.errors import Refusal
from dsp.receive.front.channel_plan import MAX_RATE_HZ, MIN_RATE_HZ

ENDINGS = ".cu8 .cs8 .cs16 .cf32 .wav .sigmf-meta .sigmf-data .sigmf, each also .gz or .zst"
SOURCES = "FILE, rtl://SERIAL, tcp://HOST:PORT, sim:SCENE.toml or mpx:FILE"


def unknown_source(got: str) -> Refusal:
    """Refuse a source that is none of the kinds."""
    return Refusal("source.unknown", expected=SOURCES, got=got, advice="loa receive --help")


def silent(waited_s: float) -> Refusal:
    """Refuse a live source from which nothing came for as long as it was wanted."""
    return Refusal(
        "source.silent",
        expected="samples from the device or its server",
        got=f"none in {waited_s:.0f} s",
        advice="looking whether the dongle is plugged in and its server is free",
        exit_code=4,
    )


def not_found(path: str) -> Refusal:
    """Refuse a path where nothing is."""
    return Refusal(
        "iq.not_found",
        expected="a recording",
        got=f"no file at {path}",
        advice="checking the spelling of the path",
    )


def unreadable(path: str, why: str) -> Refusal:
    """Refuse a file that the system will not let us read."""
    return Refusal(
        "iq.unreadable",
        expected="a file that can be read",
        got=f"{path}: {why}",
        advice="checking the path, its permissions and the disk",
        exit_code=4,
    )


def empty(got: str) -> Refusal:
    """Refuse a recording without one whole sample."""
    return Refusal(
        "iq.empty",
        expected="at least one sample of I and Q",
        got=got,
        advice="recording again, and checking that the disk was not full",
    )


def format_unknown(got: str) -> Refusal:
    """Refuse a file whose name does not say what its bytes are."""
    return Refusal(
        "iq.format",
        expected=f"a name that ends in one of {ENDINGS}",
        got=got,
        advice="renaming the file by what is in it (rtl_sdr writes .cu8, GNU Radio .cf32)",
    )


def rate_missing(path: str) -> Refusal:
    """Refuse a recording whose sample rate nothing tells."""
    return Refusal(
        "iq.rate_missing",
        expected="a sample rate",
        got=f"{path}, which does not say it",
        advice="--rate-hz 2400000, with the rate it was recorded at",
    )


def rate(got: object) -> Refusal:
    """Refuse a sample rate that cannot be worked with."""
    return Refusal(
        "iq.rate",
        expected=f"a whole number of samples per second within {MIN_RATE_HZ} … {MAX_RATE_HZ}",
        got=repr(got)[:60],
        advice="--rate-hz with the rate it was recorded at, or resampling the recording",
    )


def mislabelled(expected: str, got: str) -> Refusal:
    """Refuse a file that is plainly not what its name says."""
    return Refusal(
        "iq.mislabelled",
        expected=expected,
        got=got,
        advice="renaming the file by what is in it",
    )


def header(expected: str, got: str) -> Refusal:
    """Refuse a WAV whose header cannot be worked with."""
    return Refusal(
        "iq.header",
        expected=expected,
        got=got,
        advice="recording as 2-channel 16-bit WAV, or as .cu8 with --rate-hz",
    )


def sigmf(expected: str, got: str) -> Refusal:
    """Refuse SigMF metadata that lie, or that we do not take."""
    return Refusal(
        "iq.sigmf",
        expected=expected,
        got=got[:160],
        advice="mending the .sigmf-meta file, or naming the .sigmf-data by its format (.cu8 …)",
    )
