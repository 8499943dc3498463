"""Enhanced other networks, EON (group 14, IEC 62106 clause 3.2.1.8): what a station says of others.

Each group is about one other programme, named by its PI. Variants 0 to 3 carry its name, 4 its
frequencies, 5 to 9 pairs of tuned and mapped frequency, 12 linkage, 13 programme type and traffic
announcement, 14 the programme item number.
"""

from __future__ import annotations

from typing import Any, Final

from dsp.receive.rds.alternatives import AlternativeFrequencies, vhf_hz
from dsp.receive.rds.votes import BELIEVED, SegmentedText, Vote

_MOST_NETWORKS: Final = 32
_PS_VARIANTS: Final = 4
_AF_VARIANT: Final = 4
_MAPPED_VARIANTS: Final = (5, 6, 7, 8)
_LINKAGE_VARIANT: Final = 12
_PTY_VARIANT: Final = 13
_PIN_VARIANT: Final = 14


class OtherNetwork:
    """One programme that another station speaks of."""

    def __init__(self) -> None:
        self.heard = 0
        self.receptions = 0
        self.ps = SegmentedText(4, 2, BELIEVED)
        self.frequencies = AlternativeFrequencies()
        self.mapped: dict[int, Vote[bool]] = {}
        self.tp: Vote[bool] = Vote()
        self.ta: Vote[bool] = Vote()
        self.pty: Vote[int] = Vote()
        self.linkage: Vote[int] = Vote()
        self.pin: Vote[int] = Vote()

    def hear(self, variant: int, word: int, weight: int, sample: int) -> None:
        """Take block C of a group 14A."""
        if variant < _PS_VARIANTS:
            self.ps.hear(variant, word.to_bytes(2), weight, sample)
        elif variant == _AF_VARIANT:
            self.frequencies.hear(word, weight, sample)
        elif variant in _MAPPED_VARIANTS:
            there = vhf_hz(word & 0xFF)
            if there is not None and (there in self.mapped or len(self.mapped) < _MOST_NETWORKS):
                self.mapped.setdefault(there, Vote()).hear(True, weight, sample)
        elif variant == _LINKAGE_VARIANT:
            self.linkage.hear(word, weight, sample)
        elif variant == _PTY_VARIANT:
            self.pty.hear(word >> 11, weight, sample)
            self.ta.hear(bool(word & 1), weight, sample)
        elif variant == _PIN_VARIANT:
            self.pin.hear(word, weight, sample)

    def state(self, now: int, age: int) -> dict[str, Any]:
        """Return what is known, as of sample `now`."""
        mapped = {f for f, vote in self.mapped.items() if vote.fresh(now, age)}
        return {
            "ps": self.ps.fresh(now, age),
            "tp": self.tp.fresh(now, age),
            "ta": self.ta.fresh(now, age),
            "pty": self.pty.fresh(now, age),
            "linkage": self.linkage.fresh(now, age),
            "pin": self.pin.fresh(now, age),
            "af_hz": sorted(mapped | set(self.frequencies.fresh(now, age))),
        }


class OtherNetworks:
    """All programmes that a station speaks of, by PI."""

    def __init__(self) -> None:
        self._by_pi: dict[int, OtherNetwork] = {}

    def hear(self, words: tuple[int, int | None, int], weight: int, sample: int) -> None:
        """Take blocks B, C (None in version B) and D."""
        b, c, pi = words
        network = self._by_pi.get(pi)
        if network is None:
            if len(self._by_pi) >= _MOST_NETWORKS:
                del self._by_pi[min(self._by_pi, key=lambda p: self._by_pi[p].heard)]
            network = self._by_pi[pi] = OtherNetwork()
        network.heard = sample
        network.receptions += weight
        network.tp.hear(bool(b & 0x10), weight, sample)
        if c is None:
            network.ta.hear(bool(b & 0x08), weight, sample)
        else:
            network.hear(b & 0xF, c, weight, sample)

    def fresh(self, now: int, age: int) -> dict[str, dict[str, Any]]:
        """Return what is known of each programme heard at most `age` samples before `now`."""
        return {
            f"{pi:04X}": network.state(now, age)
            for pi, network in sorted(self._by_pi.items())
            if network.receptions >= BELIEVED and now - network.heard <= age
        }
