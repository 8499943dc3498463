"""Whose fault a bad packet is: ours raises ValueError, the other side's `RemoteFormatError`."""

from __future__ import annotations


class RemoteFormatError(Exception):
    """Bytes from outside that are not what they claim to be: counted by the receiver, not fatal.

    Parameters
    ----------
    kind
        Short stable name such as ``"rtp.version"``; receivers count by it.
    detail
        What was expected and what came.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
