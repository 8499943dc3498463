"""Commands whose help shows its examples as they are typed, each on a line of its own."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Function = TypeVar("Function", bound="Callable[..., Any]")
_SETTINGS = {"max_content_width": 100}
_EXAMPLE = "Example: "


class CommandGroup(typer.Typer):
    """A group of commands; a docstring says what one does, its last paragraph how it is typed."""

    def __init__(self, summary: str, *examples: str, **settings: Any) -> None:
        super().__init__(
            help=summary,
            epilog=_as_they_stand(examples),
            context_settings=_SETTINGS,
            add_completion=False,
            rich_markup_mode=None,
            **settings,
        )

    def add(self, name: str, function: Callable[..., Any]) -> None:
        """Make `function` the command `name`."""
        what, *examples = inspect.getdoc(function).split(_EXAMPLE)  # type: ignore[union-attr]
        self.command(
            name,
            help=what,
            short_help=_one_line(what.partition("\n\n")[0]),  # whole: click would cut it
            epilog=_as_they_stand(_one_line(line) for line in examples),
            context_settings=_SETTINGS,
        )(function)

    def called(self, name: str) -> Callable[[Function], Function]:
        """Make what is decorated the command `name`."""

        def register(function: Function) -> Function:
            self.add(name, function)
            return function

        return register


def _as_they_stand(examples: Iterable[str]) -> str:
    # \b asks click not to fill the lines of a paragraph.
    return "\b\n" + "\n".join(_EXAMPLE + line for line in examples)


def _one_line(text: str) -> str:
    return " ".join(text.split())
