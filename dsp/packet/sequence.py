"""Sequence numbers of an RTP source, as RFC 3550 appendix A.1, A.3 and A.8 keep them.

Sixteen bits wrap every 22 minutes at 20 ms a packet, so they are extended by a count of cycles. A
source is valid after `MIN_SEQUENTIAL` packets in order (probation: a stray datagram opens no
loudspeaker). A large jump is either a sender that began anew, believed when the packet that
follows it confirms it, or an attack, which is not followed.

    state = SourceState()
    number = state.update(packet.sequence)    # extended number, or None: do not use this packet
"""

from __future__ import annotations

MIN_SEQUENTIAL = 2
MAX_DROPOUT = 3_000
MAX_MISORDER = 100
_CYCLE = 1 << 16
_NO_NUMBER = _CYCLE + 1
# RFC 3550 appendix A.3: cumulative loss is a signed field of 24 bits.
_MAX_LOST, _MIN_LOST = 0x7F_FFFF, -0x80_0000


class SourceState:
    """Extended sequence numbers, loss and jitter of one source.

    Attributes
    ----------
    received
        Packets taken since the source became valid or began anew.
    restarts
        How often the sender began anew.
    jitter
        Interarrival jitter in ticks of the payload's clock (RFC 3550 clause 6.4.1).
    """

    def __init__(self) -> None:
        self.received = 0
        self.restarts = 0
        self.jitter = 0.0
        self._probation = MIN_SEQUENTIAL
        self._highest: int | None = None
        self._first = 0
        self._cycles = 0
        self._bad_number = _NO_NUMBER
        self._expected_before = 0
        self._received_before = 0
        self._transit: int | None = None

    @property
    def valid(self) -> bool:
        """Whether enough packets came in order."""
        return self._highest is not None and self._probation == 0

    @property
    def highest(self) -> int:
        """Highest extended sequence number so far; 0 before the first packet."""
        return self._cycles + (self._highest or 0)

    @property
    def expected(self) -> int:
        """How many packets the sender has sent since `received` counts, by the numbers."""
        return self.highest - self._first + 1 if self.valid else 0

    @property
    def lost(self) -> int:
        """Cumulative number of packets lost, late ones counted as received; may be negative."""
        return max(_MIN_LOST, min(_MAX_LOST, self.expected - self.received))

    def update(self, sequence: int) -> int | None:
        """Take a number of 16 bits; return its extension, or None where it is not believed."""
        if self._highest is None:
            self._restart(sequence)
            self._probation = MIN_SEQUENTIAL - 1
            return None
        if self._probation:
            return self._on_probation(sequence)
        step = (sequence - self._highest) % _CYCLE
        if step < MAX_DROPOUT:
            if sequence < self._highest:
                self._cycles += _CYCLE
            self._highest = sequence
        elif step <= _CYCLE - MAX_MISORDER:
            if sequence != self._bad_number:
                self._bad_number = (sequence + 1) % _CYCLE
                return None
            self.restarts += 1
            self._restart(sequence)
        self.received += 1
        return self._extended(sequence)

    def observe_transit(self, arrival_ticks: int, timestamp: int) -> None:
        """Update the jitter (appendix A.8) by an arrival, in ticks of the payload's clock."""
        transit = (arrival_ticks - timestamp) % (1 << 32)
        if self._transit is not None:
            difference = (transit - self._transit) % (1 << 32)
            difference = min(difference, (1 << 32) - difference)
            self.jitter += (difference - self.jitter) / 16.0
        self._transit = transit

    def fraction_lost(self) -> int:
        """Return the loss since the last call in 1/256 (appendix A.3); for a receiver report."""
        expected = self.expected - self._expected_before
        received = self.received - self._received_before
        self._expected_before, self._received_before = self.expected, self.received
        lost = expected - received
        return min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0

    def _on_probation(self, sequence: int) -> int | None:
        assert self._highest is not None
        if sequence == (self._highest + 1) % _CYCLE:
            self._probation -= 1
            self._highest = sequence
            if self._probation == 0:
                self._restart(sequence)
                self.received = 1
                return self._extended(sequence)
        else:
            self._probation = MIN_SEQUENTIAL - 1
            self._highest = sequence
        return None

    def _restart(self, sequence: int) -> None:
        # The extension goes on upwards, so that nobody downstream sees a number twice.
        self._cycles = 0 if self._highest is None else self._cycles + _CYCLE
        self._highest = sequence
        self._first = self._cycles + sequence
        self._bad_number = _NO_NUMBER
        self.received = 0
        self._expected_before = self._received_before = 0
        self._transit = None

    def _extended(self, sequence: int) -> int:
        assert self._highest is not None
        behind = (self._highest - sequence) % _CYCLE
        return self.highest - behind if behind < _CYCLE // 2 else self.highest
