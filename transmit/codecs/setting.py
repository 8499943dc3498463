"""Which codec a file extension means, and what its encoder is asked for.

The settings behind the table (LAME quality 5, Opus complexity 5, FFmpeg's fast AAC coder) are those
that lose nothing against the slow ones: docs/campaigns/codec-settings.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dsp.errors import Refusal

_MPEG_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


class WantedSettings(Protocol):
    """What a profile may say about a codec (`transmit.profile.CodecSettings`)."""

    @property
    def bit_rate_bps(self) -> int | None:
        """Bit rate of the whole stream, None for the codec's own."""

    @property
    def sample_rate_hz(self) -> int | None:
        """Rate to encode at, None for the rate of the master."""


@dataclass(frozen=True)
class Codec:
    """What a file extension stands for.

    Attributes
    ----------
    name
        Of the coding: mp3, aac, opus, flac, pcm_16, g722, ulaw, alaw.
    rates_hz
        What it can be fed with, ascending; empty for any rate.
    mono_bps
        Bit rate of one channel where a profile says nothing; None if there is no choice.
    most_channels
        The master is mixed down to this.
    lossless
        True where decoding gives back what went in (after reduction to 16 bits).
    delay_told
        False where the file has no place to say how long the encoder's delay is.
    """

    name: str
    rates_hz: tuple[int, ...] = ()
    mono_bps: int | None = None
    most_channels: int = 2
    lossless: bool = False
    delay_told: bool = True


CODECS = {
    ".mp3": Codec("mp3", _MPEG_RATES_HZ, 64_000),
    ".m4a": Codec("aac", _MPEG_RATES_HZ, 64_000),
    ".aac": Codec("aac", _MPEG_RATES_HZ, 64_000, delay_told=False),
    ".opus": Codec("opus", (8_000, 12_000, 16_000, 24_000, 48_000), 32_000),
    ".flac": Codec("flac", lossless=True),
    ".wav": Codec("pcm_16", lossless=True),
    ".g722": Codec("g722", (16_000,), most_channels=1, delay_told=False),
    ".ulaw": Codec("ulaw", (8_000,), most_channels=1),
    ".alaw": Codec("alaw", (8_000,), most_channels=1),
}


@dataclass(frozen=True)
class Setting:
    """One rendition to be made: codec, and the rate, channels and bit rate that go into it."""

    extension: str
    codec: Codec
    sample_rate_hz: int
    channels: int
    bit_rate_bps: int | None


def codec_for(path: Path) -> Codec:
    """Return the codec that the extension of `path` means.

    Raises
    ------
    Refusal
        ``output.extension`` for any other.
    """
    codec = CODECS.get(path.suffix.lower())
    if codec is None:
        raise Refusal(
            "output.extension",
            expected=" ".join(CODECS),
            got=path.suffix or f"no extension in {path.name}",
            advice="one of the extensions listed",
        )
    return codec


def setting_for(
    path: Path, sample_rate_hz: int, channels: int, wanted: WantedSettings | None = None
) -> Setting:
    """Return how a master of `sample_rate_hz` and `channels` is encoded to `path`.

    Raises
    ------
    Refusal
        ``output.extension``, or ``profile.value`` for a rate that the codec does not take.
    """
    codec = codec_for(path)
    extension = path.suffix.lower()
    asked_hz = wanted.sample_rate_hz if wanted else None
    if asked_hz is not None and codec.rates_hz and asked_hz not in codec.rates_hz:
        raise Refusal(
            "profile.value",
            expected=f"{extension[1:]} at " + ", ".join(map(str, codec.rates_hz)) + " Hz",
            got=str(asked_hz),
            advice="one of the rates listed",
        )
    width = min(channels, codec.most_channels)
    bit_rate = wanted.bit_rate_bps if wanted else None
    if codec.mono_bps is None:
        bit_rate = None
    elif bit_rate is None:
        # Joint stereo shares much between the channels: half as much again, not twice.
        bit_rate = codec.mono_bps * (1 + width) // 2
    return Setting(extension, codec, _rate_for(codec, asked_hz or sample_rate_hz), width, bit_rate)


def _rate_for(codec: Codec, rate_hz: int) -> int:
    """Return the codec's lowest rate that loses nothing of `rate_hz`, else its highest."""
    if not codec.rates_hz or rate_hz in codec.rates_hz:
        return rate_hz
    return next((r for r in codec.rates_hz if r >= rate_hz), codec.rates_hz[-1])
