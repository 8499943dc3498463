"""The command `loa`.

Every command lives in `loa/commands/` as one light function; what is heavy is imported inside it,
so that `loa --help` is instant. This module turns every way a command can fail into one line and an
exit code: 0 done, 1 a negative verdict, 2 usage or bad input, 3 a part is missing, 4 disk,
permission or network, 130 interrupted; 70 is our own bug and shows its traceback.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

import typer
from typer.exceptions import TyperException

from dsp.errors import Refusal
from loa import reporting
from loa.commands import (
    bench,
    bulletin,
    demo,
    doctor,
    index,
    master,
    match,
    measure,
    multiplex,
    play,
    receive,
    relay,
    service,
    simulate,
    speaker,
    stream,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXIT_INTERRUPTED = 130
EXIT_BUG = 70
_GC_THRESHOLD = 20_000

COMMANDS: dict[str, Callable[..., Any]] = {
    "measure": measure.measure,
    "master": master.master,
    "simulate": simulate.simulate,
    "stream": stream.stream,
    "play": play.play,
    "speaker": speaker.speaker,
    "relay": relay.relay,
    "multiplex": multiplex.multiplex,
    "receive": receive.receive,
    "match": match.match,
    "doctor": doctor.doctor,
    "bench": bench.bench,
    "demo": demo.demo,
    "serve": service.serve,
    "worker": service.worker,
}
GROUPS = {
    "index": index.index,
    "bulletin": bulletin.bulletin,
    "token": service.token,
    "jobs": service.jobs,
}


def command_line(wanted: str | None = None) -> typer.Typer:
    """Return the command line, or what of it `wanted` needs if that is one of its words.

    Typer reads the signature of every command that it is given: 20 ms for all of them.
    """
    app = typer.Typer(
        name="loa",
        help="Loa takes a commune's loudspeakers from FM to IP: measure, master, encode, prove.",
        epilog="Example: loa master bulletin.wav -o bulletin.opus --target ip",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    alone = wanted if wanted in {*COMMANDS, *GROUPS} else None
    for name, command in COMMANDS.items():
        if alone in (None, name):
            app.command(name)(command)
    for name, group in GROUPS.items():
        if alone in (None, name):
            app.add_typer(group, name=name)
    if alone is not None:
        app.callback()(_nothing_first)
    return app


def _nothing_first() -> None:
    """Keep the name of a command necessary where there is only one."""


def usage_refusal(error: TyperException) -> Refusal:
    """Word a mistake on the command line as every other refusal."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "loa"
    return Refusal(
        "usage",
        expected=f"a command line that `{path}` understands",
        got=str(getattr(error, "format_message", error.__str__)()).rstrip("."),
        advice=f"{path} --help",
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    as_json = "--json" in arguments
    app = command_line(arguments[0] if arguments else None)
    try:
        outcome = app(args=list(arguments), prog_name="loa", standalone_mode=False)
    except (Refusal, TyperException, OSError) as error:
        return refused(error, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        reporting.note("loa: interrupted")
        return EXIT_INTERRUPTED
    except Exception:  # noqa: BLE001 - the last door: what comes here is our own bug
        traceback.print_exc()
        reporting.note("loa: this is a bug in loa, not in your file: please report it")
        return EXIT_BUG
    return outcome if isinstance(outcome, int) else 0


def refused(error: Refusal | TyperException | OSError, *, as_json: bool) -> int:
    """Say in one line what the world got wrong; return the exit code that tells its kind."""
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has left (`loa measure … | head`): nothing more to say to them.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for the flush at exit
        return 0
    if isinstance(error, TyperException):
        error = usage_refusal(error)
    elif isinstance(error, OSError):
        error = reporting.refusal_of(error)
    reporting.print_refusal(error, as_json=as_json)
    return error.exit_code


def main() -> None:
    """Run the command line of this process."""
    # Starting makes many objects that all stay: looking through them for rubbish after every 700
    # costs a short command 20 ms.
    gc.set_threshold(_GC_THRESHOLD)
    sys.exit(run(sys.argv[1:]))
