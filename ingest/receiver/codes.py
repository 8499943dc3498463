"""What a station says beside its programme: RDS and DTMF, put into the seconds they belong to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.fm.constants import AUDIO_RATE_HZ, RECEIVE_RATE_HZ
from dsp.receive.meters.dtmf_detector import DtmfDetector
from dsp.receive.rds.receiver import RdsReceiver
from dsp.receive.rds.station import RdsStation

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.receive.rds.group import RdsGroup

# A group is given at most so long after its last bit.
_SETTLED = round(0.16 * RECEIVE_RATE_HZ)


@dataclass(frozen=True)
class CodesOfSecond:
    """What was heard in one second, and what is known at its end.

    `dtmf` are the digits whose end was heard in it; that takes the detector 0.06 s.
    """

    groups: list[str]
    state: dict[str, Any]
    dtmf: str
    snr_db: float | None
    findings: list[str] = field(default_factory=list)


class Codes:
    """Decodes the codes of one multiplex; counts samples as its station does."""

    def __init__(self, expected_pi: str | None = None) -> None:
        """Begin; `expected_pi` is what the station should say."""
        self._expected_pi = None if expected_pi is None else expected_pi.upper()
        self._rds = RdsReceiver()
        self._station = RdsStation()
        self._groups: deque[RdsGroup] = deque()
        self._dtmf = DtmfDetector(AUDIO_RATE_HZ)
        self._digits = ""
        self._taken = 0

    def process(self, composite: npt.NDArray[np.float32]) -> None:
        """Take the next samples at 288 kHz, known to be finite."""
        self._groups.extend(self._rds.advance(composite))
        self._taken += len(composite)

    def skip(self, missing: int) -> None:
        """Tell that samples are missing before the next piece."""
        self._groups.extend(self._rds.skip(missing))
        self._taken += missing

    def finish(self) -> None:
        """Take what is still inside; the capture ends."""
        self._groups.extend(self._rds.flush())

    def hear_audio(self, frames: npt.NDArray[np.float32]) -> None:
        """Take a second of decoded audio, (48000, 2); called before `second` is asked for.

        What a gap left out of it is silence here, which ends a digit.
        """
        middle = (frames[:, 0] + frames[:, 1]) * np.float32(0.5)
        self._digits += "".join(digit.digit for digit in self._dtmf.advance(middle))

    @property
    def complete_to(self) -> int:
        """Sample up to which nothing more can come."""
        return self._taken - _SETTLED

    def second(self, second: int) -> CodesOfSecond:
        """Return what belongs to that second; they are asked for in order."""
        end = (second + 1) * RECEIVE_RATE_HZ
        heard = []
        while self._groups and self._groups[0].sample < end:
            group = self._groups.popleft()
            self._station.take(group)
            if not group.empty:
                heard.append(group.hex())
        self._station.advance(end)
        digits, self._digits = self._digits, ""
        figures = self._rds.figures
        state = self._station.state()
        return CodesOfSecond(
            groups=heard,
            state=state,
            dtmf=digits,
            snr_db=None if figures is None else figures.snr_db,
            findings=self._findings(state),
        )

    def state(self) -> dict[str, Any]:
        """Return what is known of the station, all groups taken."""
        while self._groups:
            self._station.take(self._groups.popleft())
        return self._station.state()

    def _findings(self, state: dict[str, Any]) -> list[str]:
        pi = state["pi"]
        wrong = self._expected_pi is not None and pi is not None and pi != self._expected_pi
        return ["bad_pi"] if wrong else []
