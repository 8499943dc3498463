"""Where a multiplex goes: a file, IQ of a modulated carrier, a sound card.

A sink takes the multiplex piece by piece and is a context manager that leaves nothing behind
unless committed. `sink_for` chooses by name: `.wav` and `.flac` hold the multiplex itself (192 kHz,
24 bits, 1.0 = 100 kHz), `.cu8 .cs8 .cs16 .cf32 .sigmf .iq.wav` the carrier it modulates, and `card`
or `card:NAME` is a sound card, live.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from dsp.errors import Refusal

if TYPE_CHECKING:
    from types import TracebackType

    from dsp.contract import Samples
    from transmit.multiplex_iq import CarrierSettings

CARD = "card"
FILES = (".wav", ".flac")
IQ_WAV = ".iq.wav"
IQ_FILES = (".cu8", ".cs8", ".cs16", ".cf32", ".sigmf", IQ_WAV)


class MultiplexSink(Protocol):
    """Takes a multiplex."""

    kind: str

    def write(self, composite: Samples) -> None:
        """Take the next samples, float32 (n,), 1.0 = 100 kHz."""

    def commit(self) -> str | None:
        """Complete the output; return the SHA-256 of a file."""

    def __enter__(self) -> Self:
        """Return self."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""


def sink_for(output: str, carrier: CarrierSettings) -> MultiplexSink:
    """Return the sink of that name; `carrier` is used where it is IQ.

    Raises
    ------
    Refusal
        "output.format" for another extension; "output.…" where nothing can be written there;
        "sound_card.…" with exit code 3 where there is no card.
    """
    if output == CARD or output.startswith(CARD + ":"):
        from transmit.multiplex_card import CardSink

        return CardSink(output.partition(":")[2] or None)
    path = Path(output)
    suffix = IQ_WAV if path.name.lower().endswith(IQ_WAV) else path.suffix.lower()
    if suffix in FILES:
        from transmit.multiplex_file import MultiplexFile

        return MultiplexFile(path)
    if suffix in IQ_FILES:
        from transmit.multiplex_iq import CarrierFile

        return CarrierFile(path, carrier)
    raise Refusal(
        "output.format",
        expected=f"a name that ends in {' '.join((*FILES, *IQ_FILES))}, or card[:NAME]",
        got=path.name or output,
        advice=f"-o {path.stem or 'mpx'}.wav",
    )
