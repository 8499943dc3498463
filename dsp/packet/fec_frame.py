"""FECFRAME with simple Reed–Solomon codes over GF(2^8) (RFC 6363, RFC 6865, encoding ID 8).

A source block is k application data units (ADUs, here whole RTP packets). Each becomes an ADU
information unit: flow (1 byte), length (2 bytes, big-endian), the ADU, zeros up to the longest of
the block. Its n − k repair symbols travel in packets of their own.

Both kinds of packet carry six bytes: block number (24 bits), encoding symbol id (8), k (16). A
source packet has them at its end ("explicit source FEC payload ID"), a repair packet at its start.

Blocks are consecutive: ids are told before the block is full, so k is fixed for a stream; a stream
that ends early closes its block with fewer (`flush`), which its repair packets say by their k.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from dsp.packet import reed_solomon
from dsp.packet.errors import RemoteFormatError
from dsp.packet.galois import Bytes

ID_BYTES = 6
MAX_UNIT_BYTES = 9_000
_ID = struct.Struct(">IH")
_UNIT = struct.Struct(">BH")
_BLOCK_NUMBERS = 1 << 24


@dataclass(frozen=True, slots=True)
class PayloadId:
    """Where a packet stands: `block` of 24 bits, `symbol` of 8, `source` = k."""

    block: int
    symbol: int
    source: int

    def pack(self) -> bytes:
        """Return the six bytes."""
        return _ID.pack(self.block << 8 | self.symbol, self.source)


def parse_id(data: bytes) -> PayloadId:
    """Return the id in six bytes.

    Raises
    ------
    RemoteFormatError
        `fec.short`, `fec.source`.
    """
    if len(data) != ID_BYTES:
        raise RemoteFormatError("fec.short", f"expected {ID_BYTES} bytes, got {len(data)}")
    word, source = _ID.unpack(data)
    if not 1 <= source <= reed_solomon.MAX_SYMBOLS:
        raise RemoteFormatError("fec.source", f"expected 1 to 255 source symbols, got {source}")
    return PayloadId(word >> 8, word & 0xFF, source)


class FecEncoder:
    """Gives every data unit its id, and every full block its repair symbols.

    Parameters
    ----------
    source
        Data units of a block, k.
    repair
        Repair symbols of a full block; a shorter block gets its share, rounded up.
    """

    def __init__(self, source: int, repair: int) -> None:
        if not 1 <= source <= source + repair <= reed_solomon.MAX_SYMBOLS:
            raise ValueError(
                f"source, repair: expected 255 together at most, got {source}, {repair}"
            )
        self.source = source
        self.repair = repair
        self._block = 0
        self._units: list[bytes] = []

    @property
    def empty(self) -> bool:
        """Whether the next unit begins a block."""
        return not self._units

    def add(self, unit: bytes) -> tuple[bytes, list[bytes]]:
        """Return `unit` with its id behind it, and the repair payloads of the block it fills."""
        if len(unit) > MAX_UNIT_BYTES:
            raise ValueError(f"unit: expected {MAX_UNIT_BYTES} bytes at most, got {len(unit)}")
        where = PayloadId(self._block, len(self._units), self.source)
        self._units.append(unit)
        repairs = self.flush() if len(self._units) == self.source else []
        return unit + where.pack(), repairs

    def flush(self) -> list[bytes]:
        """Close the block as it is; return its repair payloads."""
        units, self._units = self._units, []
        if not units:
            return []
        block, self._block = self._block, (self._block + 1) % _BLOCK_NUMBERS
        length = max(map(len, units)) + _UNIT.size
        symbols = np.stack([_information_unit(unit, length) for unit in units])
        count = -(-self.repair * len(units) // self.source)
        repairs = reed_solomon.encode(symbols, count)
        return [
            PayloadId(block, len(units) + index, len(units)).pack() + symbol.tobytes()
            for index, symbol in enumerate(repairs)
        ]


def _information_unit(unit: bytes, length: int) -> Bytes:
    whole = _UNIT.pack(0, len(unit)) + unit
    return np.frombuffer(whole.ljust(length, b"\0"), np.uint8)


class _Block:
    """What arrived of one block."""

    __slots__ = ("done", "repairs", "source", "units")

    def __init__(self) -> None:
        self.source: int | None = None  # k as the repair packets say it
        self.units: dict[int, bytes] = {}
        self.repairs: dict[int, bytes] = {}
        self.done = False


class FecDecoder:
    """Takes source and repair packets in any order; returns the data units that were lost.

    Memory is bounded: `blocks` blocks are kept, the oldest forgotten first.
    """

    def __init__(self, blocks: int = 8) -> None:
        if blocks < 1:
            raise ValueError(f"blocks: expected 1 or more, got {blocks}")
        self._most = blocks
        self._blocks: OrderedDict[int, _Block] = OrderedDict()
        self.recovered = 0
        self.refused = 0

    def add_source(self, data: bytes) -> tuple[bytes, list[bytes]]:
        """Take a source payload; return its data unit, and units that it lets us recover.

        Raises
        ------
        RemoteFormatError
            The id at its end is none.
        """
        if len(data) < ID_BYTES:
            raise RemoteFormatError("fec.short", f"expected an id of 6 bytes, got {len(data)}")
        where = parse_id(data[-ID_BYTES:])
        unit = data[:-ID_BYTES]
        if where.symbol >= where.source:
            raise RemoteFormatError(
                "fec.symbol", f"expected below {where.source}, got {where.symbol}"
            )
        block = self._open(where.block)
        if block is None or block.done:
            return unit, []
        block.units.setdefault(where.symbol, unit)
        return unit, self._recover(block)

    def add_repair(self, data: bytes) -> list[bytes]:
        """Take a repair payload; return the data units it lets us recover.

        Raises
        ------
        RemoteFormatError
            No id at its start, or not the symbol of a repair.
        """
        where = parse_id(data[:ID_BYTES])
        if where.symbol < where.source or len(data) - ID_BYTES < _UNIT.size:
            raise RemoteFormatError("fec.symbol", f"expected a repair, got symbol {where.symbol}")
        block = self._open(where.block)
        if block is None or block.done:
            return []
        if block.source not in (None, where.source) or (
            block.repairs and len(data) - ID_BYTES != len(next(iter(block.repairs.values())))
        ):
            raise RemoteFormatError("fec.block", "expected what the block's other repairs say")
        block.source = where.source
        block.repairs.setdefault(where.symbol, data[ID_BYTES:])
        return self._recover(block)

    def _open(self, number: int) -> _Block | None:
        """Return the block, a new one where it is unknown; None where it is older than all kept."""
        block = self._blocks.get(number)
        if block is None:
            if len(self._blocks) >= self._most:
                oldest = next(iter(self._blocks))
                if (number - oldest) % _BLOCK_NUMBERS > _BLOCK_NUMBERS // 2:
                    return None
                self._blocks.popitem(last=False)
            block = self._blocks[number] = _Block()
        return block

    def _recover(self, block: _Block) -> list[bytes]:
        if block.source is None or len(block.units) + len(block.repairs) < block.source:
            return []
        block.done = True
        length = len(next(iter(block.repairs.values())))
        if any(len(unit) + _UNIT.size > length for unit in block.units.values()):
            self.refused += 1
            return []
        symbols = {i: _information_unit(u, length) for i, u in block.units.items()}
        symbols |= {i: np.frombuffer(r, np.uint8) for i, r in block.repairs.items()}
        found = reed_solomon.decode(symbols, block.source)
        block.units, block.repairs = {}, {}
        units = [self._unpack(found[index].tobytes()) for index in sorted(found)]
        kept = [unit for unit in units if unit is not None]
        self.recovered += len(kept)
        return kept

    def _unpack(self, symbol: bytes) -> bytes | None:
        """Return the data unit of a recovered symbol; None where its length is a lie."""
        _flow, length = _UNIT.unpack_from(symbol)
        if length > len(symbol) - _UNIT.size:
            self.refused += 1
            return None
        return symbol[_UNIT.size : _UNIT.size + length]
