"""Is the carrier there? One whose level is that of a moment ago, when it carried a programme, is.

Without a carrier a discriminator makes noise; so does one that is hardly above the noise and says
nothing. What tells them apart is whether the channel's power fell when the programme ended: by
8 dB, where a carrier 7 dB above the noise is switched off. The second in which that happens has any
level, so what is kept falls slowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingest.watch.cues import CARRIER_CN_DB

FELL_DB = 4.0
FORGOTTEN_DB = 0.5  # in a second


class CarrierPresence:
    """Tells for one station, second by second, whether it is off the air."""

    def __init__(self) -> None:
        self._carried_dbfs: float | None = None  # at which a programme was heard

    def is_off(self, record: Mapping[str, Any]) -> bool:
        """Take the record of the next second; tell whether nobody is on the channel."""
        if self._is_heard(record):
            return False
        self._carried_dbfs = None
        return True

    def _is_heard(self, record: Mapping[str, Any]) -> bool:
        findings, level_dbfs = record["findings"], record.get("level_dbfs")
        if "off_air" in findings:
            return False
        carried_dbfs = self._carried_dbfs
        if "hiss" not in findings:
            if level_dbfs is not None:
                kept = level_dbfs if carried_dbfs is None else carried_dbfs - FORGOTTEN_DB
                self._carried_dbfs = max(level_dbfs, kept)
            return True
        if (record.get("cn_db") or 0.0) >= CARRIER_CN_DB or "no_audio" in findings:
            return True
        if level_dbfs is None or carried_dbfs is None:
            return False
        return bool(level_dbfs >= carried_dbfs - FELL_DB)
