"""The multiplex on the air of one station: its modulated carrier as IQ on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from dsp.modulate.upconvert import Upconverter
from transmit.iq_file import IqFile, Recording
from transmit.settings_refusal import refusal_of_value

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from dsp.contract import Samples

_PIECE = 19_200  # 0.1 s of multiplex; 2 MB of IQ at 2.4 MS/s


@dataclass(frozen=True)
class CarrierSettings:
    """Where the carrier lies in the capture.

    `level_dbfs` is its |z| over full scale; `frequency_hz` is told by SigMF, as is `start_utc`.
    """

    start_utc: datetime
    rate_hz: int = 2_400_000
    offset_hz: float = 0.0
    level_dbfs: float = -6.0
    frequency_hz: float = 100e6

    @property
    def amplitude(self) -> float:
        """|z| of the carrier; raises ValueError where it does not fit."""
        if not -120.0 <= self.level_dbfs <= 0.0:
            raise ValueError(f"level_dbfs: expected within [-120, 0], got {self.level_dbfs:g}")
        return float(10.0 ** (self.level_dbfs / 20.0))


class CarrierFile:
    """Modulates a multiplex and writes the IQ; the file appears whole or not at all.

    Raises
    ------
    Refusal
        "multiplex.carrier" for a rate, offset or level that cannot be; "output.…".
    """

    kind = "iq"

    def __init__(self, path: Path, carrier: CarrierSettings) -> None:
        try:
            amplitude = carrier.amplitude
            self._modulator = Upconverter(carrier.rate_hz, carrier.offset_hz, amplitude=amplitude)
        except ValueError as error:
            raise refusal_of_value("multiplex.carrier", error) from error
        centre_hz = carrier.frequency_hz - carrier.offset_hz
        recording = Recording(
            carrier.rate_hz,
            centre_hz,
            carrier.start_utc,
            description="one station, no noise",
            recorder="loa multiplex",
        )
        self._file = IqFile(path, recording)

    def write(self, composite: Samples) -> None:
        """Modulate and append."""
        for start in range(0, len(composite), _PIECE):
            self._file.write(self._modulator.process(composite[start : start + _PIECE]))

    def commit(self) -> str:
        """Complete the file, put it in place and return the SHA-256 of its samples."""
        return self._file.commit()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""
        self._file.__exit__(kind, error, trace)
