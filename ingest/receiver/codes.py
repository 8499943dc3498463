"""What a station says beside its programme: RDS and DTMF, put into the seconds they belong to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dsp.fm.constants import RECEIVE_RATE_HZ
from dsp.receive.dtmf_detector import DtmfDetector
from dsp.receive.rds_receiver import RdsReceiver
from dsp.receive.rds_station import RdsStation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dsp.receive.dtmf_detector import DtmfDigit
    from dsp.receive.rds_group import RdsGroup

# A group is given at most so long after its last bit, a digit sooner.
_SETTLED = round(0.16 * RECEIVE_RATE_HZ)


@dataclass(frozen=True)
class CodesOfSecond:
    """What was heard in one second, and what is known at its end."""

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
        self._dtmf = DtmfDetector(RECEIVE_RATE_HZ)
        self._dtmf_origin = 0  # number of the detector's first sample
        self._digits: deque[tuple[int, str]] = deque()
        self._taken = 0

    def process(self, composite: npt.NDArray[np.float32]) -> None:
        """Take the next samples at 288 kHz."""
        self._groups.extend(self._rds.process(composite))
        self._hear(self._dtmf.process(composite))
        self._taken += len(composite)

    def skip(self, missing: int) -> None:
        """Tell that samples are missing before the next piece."""
        self._groups.extend(self._rds.skip(missing))
        self._hear(self._dtmf.flush())
        self._dtmf.reset()
        self._taken += missing
        self._dtmf_origin = self._taken

    def finish(self) -> None:
        """Take what is still inside; the capture ends."""
        self._groups.extend(self._rds.flush())
        self._hear(self._dtmf.flush())

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
        digits = ""
        while self._digits and self._digits[0][0] < end:
            digits += self._digits.popleft()[1]
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

    def _hear(self, digits: list[DtmfDigit]) -> None:
        self._digits.extend((digit.start + self._dtmf_origin, digit.digit) for digit in digits)

    def _findings(self, state: dict[str, Any]) -> list[str]:
        pi = state["pi"]
        wrong = self._expected_pi is not None and pi is not None and pi != self._expected_pi
        return ["bad_pi"] if wrong else []
