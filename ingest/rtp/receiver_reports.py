"""Receiver reports: how one stream arrives, told to its sender every few seconds (RFC 3550).

A sender and one loudspeaker are two members, so the interval is its least, 5 s, shaken by half
either way so that thousands of loudspeakers do not speak at once, and the first comes after half of
it (clause 6.2, 6.3.1). Protected as the stream is (SRTCP), under an SSRC of its own. Groups are not
reported on: a thousand loudspeakers would have to share one allowance.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

from dsp.packet import rtcp
from dsp.packet.srtp import sealer
from ingest.rtp.receiver import RtpReceiver

INTERVAL_S = 5.0


class ReceiverReports:
    """Makes the reports of one receiver.

    Parameters
    ----------
    receiver
        What is reported on.
    chance
        Gives a number from 0 to 1; tests give their own.
    """

    def __init__(
        self,
        receiver: RtpReceiver,
        chance: Callable[[], float] | None = None,
    ) -> None:
        self._receiver = receiver
        self._name = secrets.token_hex(12)  # RFC 7022 clause 4.2: says nothing of who we are
        self._chance = chance or random.SystemRandom().random
        self._ssrc = secrets.randbits(32)
        self._seal = None if receiver.key is None else sealer(receiver.key)
        self._due_s: float | None = None

    def due(self, now_s: float) -> bytes | None:
        """Return the report that is due at the UTC moment `now_s`, None before."""
        if self._due_s is None or abs(self._due_s - now_s) > 2 * INTERVAL_S:  # a clock was set
            self._due_s = now_s + 0.5 * self._interval_s()
        if now_s < self._due_s:
            return None
        self._due_s = now_s + self._interval_s()
        block = self._receiver.report_block(now_s)
        if block is None:
            return None
        if self._ssrc == block.ssrc:  # one in four thousand million, and still a collision
            self._ssrc = (self._ssrc + 1) % (1 << 32)
        report = rtcp.ReceiverReport(self._ssrc, (block,)).pack()
        data = report + rtcp.SourceNames({self._ssrc: self._name}).pack()
        return data if self._seal is None else self._seal.protect_rtcp(data)

    def _interval_s(self) -> float:
        return INTERVAL_S * (0.5 + self._chance())
