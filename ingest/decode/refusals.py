"""The refusals of decoding: one function per kind, so that each is worded once.

Kinds are stable names that programs match on: audio.empty, audio.not_audio, audio.unsupported,
audio.truncated, audio.damaged, audio.too_long, audio.too_many_channels, audio.sample_rate,
audio.too_costly, audio.decoder_crashed, file.not_found, file.not_a_file, file.permission,
file.unreadable (the last two leave with exit code 4).
"""

from __future__ import annotations

from dsp.errors import Refusal

KINDS = frozenset(
    {
        "audio.empty",
        "audio.not_audio",
        "audio.unsupported",
        "audio.truncated",
        "audio.damaged",
        "audio.too_long",
        "audio.too_many_channels",
        "audio.sample_rate",
        "audio.too_costly",
        "audio.decoder_crashed",
        "file.not_found",
        "file.not_a_file",
        "file.permission",
        "file.unreadable",
    }
)

ACCEPTED = "WAV, FLAC, AIFF, MP3, AAC, M4A, Ogg (Opus, Vorbis), or raw .g722 .ulaw .alaw"


def empty(got: str) -> Refusal:
    """Refuse a file with nothing to hear in it."""
    return Refusal(
        "audio.empty",
        expected="at least one audio sample",
        got=got,
        advice="recording or exporting the file again",
    )


def not_audio(got: str) -> Refusal:
    """Refuse what is no known kind of audio file, whatever its name says."""
    return Refusal(
        "audio.not_audio",
        expected=ACCEPTED,
        got=got,
        advice="exporting the programme as WAV or MP3 and handing in that file",
    )


def unsupported(got: str) -> Refusal:
    """Refuse a known container around something that is not taken."""
    return Refusal(
        "audio.unsupported",
        expected=ACCEPTED,
        got=got,
        advice="exporting the programme as 16-bit WAV or as MP3",
    )


def truncated(expected: str, got: str) -> Refusal:
    """Refuse a file that ends before its own header or structure says it should."""
    return Refusal(
        "audio.truncated",
        expected=expected,
        got=got,
        advice="copying or uploading the file again; if this is all there is, open it in an "
        "audio editor and export it as WAV",
    )


def damaged(expected: str, got: str) -> Refusal:
    """Refuse a file that is whole in length and broken inside."""
    return Refusal(
        "audio.damaged",
        expected=expected,
        got=got,
        advice="copying or uploading the file again; if it stays broken, open it in an "
        "audio editor, listen at that place and export it as WAV",
    )


def too_costly(expected: str, got: str) -> Refusal:
    """Refuse a file that takes more CPU time, memory or bytes than one file may."""
    return Refusal(
        "audio.too_costly",
        expected=expected,
        got=got,
        advice="converting the file to WAV on your own machine, or cutting it into parts",
    )


def decoder_crashed(got: str) -> Refusal:
    """Refuse a file on which the isolated decoder died or hung; nothing else was touched."""
    return Refusal(
        "audio.decoder_crashed",
        expected="a file that the decoder survives",
        got=got,
        advice="exporting the programme again as WAV; please report the file if it plays elsewhere",
    )
