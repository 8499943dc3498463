"""A progress bar on stderr where a person is watching, and nothing elsewhere.

The bar appears only when the work has already taken a moment: most files are done before anybody
could read it, and rich alone would cost a short command a tenth of its time.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

PATIENCE_S = 0.7


class Progress:
    """Shows how far a long piece of work has come; a context manager."""

    def __init__(self) -> None:
        self._shown: Any = None
        self._task: Any = None
        self._label = ""
        self._since_s = time.monotonic()

    def __enter__(self) -> Self:
        """Start waiting for work that takes long."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._shown is not None:
            self._shown.stop()

    def start(self, label: str) -> Callable[[float], None]:
        """Begin a new piece of work; the function returned hears the audio seconds done so far."""
        self._label = label
        if self._shown is not None:
            self._task = self._shown.add_task(label, total=None)
        done_s = 0.0

        def advance(more_s: float) -> None:
            nonlocal done_s
            done_s += more_s
            self._show(f"{label}  {done_s / 60:.1f} min of audio", done_s)

        return advance

    def step(self, label: str, share: float) -> None:
        """Show that `share` (0 to 1) of a piece of work named `label` is done."""
        self._show(label, share, total=1.0)

    def _show(self, label: str, done: float, total: float | None = None) -> None:
        if self._shown is None:
            if not sys.stderr.isatty() or time.monotonic() - self._since_s < PATIENCE_S:
                return
            self._open(label, total)
        self._shown.update(self._task, description=label, completed=done, total=total)

    def _open(self, label: str, total: float | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._shown = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._shown.start()
        self._task = self._shown.add_task(label, total=total)
