"""The error for everything that the world, not our code, got wrong.

One shape for all rooms: what was expected, what came, what to do. The command line prints it as one
line and exits with `exit_code` (docs/reference/errors.md).
"""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - a refusal is what it is called in every message and document
    """Input, a file or a machine that cannot be worked with.

    Parameters
    ----------
    kind
        Short stable name such as ``"audio.truncated"``; programs match on it.
    expected, got, advice
        Phrases without a full stop: what was wanted, what came instead, what to do about it.
    exit_code
        2 bad input or usage, 3 a part is missing, 4 disk, permission or network.
    """

    def __init__(
        self, kind: str, *, expected: str, got: str, advice: str, exit_code: int = 2
    ) -> None:
        super().__init__(f"{kind}: expected {expected}, got {got}; try {advice}")
        self.kind = kind
        self.expected = expected
        self.got = got
        self.advice = advice
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Keep all fields when a refusal crosses a process boundary."""
        return (
            _rebuild,
            (self.kind, self.expected, self.got, self.advice, self.exit_code),
        )


def _rebuild(kind: str, expected: str, got: str, advice: str, exit_code: int) -> Refusal:
    return Refusal(kind, expected=expected, got=got, advice=advice, exit_code=exit_code)
