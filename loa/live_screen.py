"""A table at a terminal that is renewed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.table import Table


class LiveScreen:
    """Shows a table where a person is watching, nothing elsewhere; a context manager.

    Parameters
    ----------
    wanted
        False shows nothing, as where JSON is written.

    Attributes
    ----------
    is_shown
        Whether there is a terminal to show it at, from `with` on.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._live: Any = None

    @property
    def is_shown(self) -> bool:
        """Whether anybody sees it."""
        return self._live is not None

    @property
    def width(self) -> int:
        """Columns of the terminal, where it is shown."""
        return int(self._live.console.width)

    def __enter__(self) -> Self:
        """Begin to show, if this is a terminal."""
        if self._wanted:
            from rich.console import Console
            from rich.live import Live

            console = Console(markup=False)
            if console.is_terminal:
                self._live = Live(console=console, transient=True, auto_refresh=False)
                self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the table away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, table: Table) -> None:
        """Show `table` in place of the one before."""
        self._live.update(table, refresh=True)
