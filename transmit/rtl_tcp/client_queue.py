"""What is still to be sent to one client: bounded in bytes, whole samples, losses counted.

A client that reads too slowly loses the newest block, not the server its memory. Blocks are shared
by all clients and never copied.
"""

from __future__ import annotations

from collections import deque


class ClientQueue:
    """Blocks of bytes on their way to a client.

    Parameters
    ----------
    most_bytes
        How much may wait; a block that does not fit is dropped whole.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.waiting_bytes = 0
        self.dropped_bytes = 0
        self.sent_bytes = 0
        self._blocks: deque[memoryview] = deque()

    def put(self, block: bytes) -> bool:
        """Append `block`; False, and counted, where there is no room for it."""
        if self.waiting_bytes + len(block) > self.most_bytes:
            self.dropped_bytes += len(block)
            return False
        if block:
            self._blocks.append(memoryview(block))
            self.waiting_bytes += len(block)
        return True

    def head(self) -> memoryview | None:
        """Return what is to be sent next."""
        return self._blocks[0] if self._blocks else None

    def sent(self, count: int) -> None:
        """Take `count` bytes off the head."""
        head = self._blocks.popleft()
        if count < len(head):
            self._blocks.appendleft(head[count:])
        self.waiting_bytes -= count
        self.sent_bytes += count

    def clear(self) -> None:
        """Forget what waits; it counts as dropped."""
        self.dropped_bytes += self.waiting_bytes
        self.waiting_bytes = 0
        self._blocks.clear()
