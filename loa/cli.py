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
from loa.commands.command_group import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_BUG = 70
_GC_THRESHOLD = 20_000

# In the order of a day's work: the bulletin, the air, the network, the service.
COMMANDS: dict[str, Callable[..., Any]] = {
    "demo": demo.demo,
    "doctor": doctor.doctor,
    "measure": measure.measure,
    "master": master.master,
    "multiplex": multiplex.multiplex,
    "simulate": simulate.simulate,
    "receive": receive.receive,
    "match": match.match,
    "stream": stream.stream,
    "play": play.play,
    "relay": relay.relay,
    "speaker": speaker.speaker,
    "serve": service.serve,
    "worker": service.worker,
    "bench": bench.bench,
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
    app = CommandGroup(
        "Loa takes a commune's loudspeakers from FM to IP: measure, master, encode, prove.",
        "loa master bulletin.wav -o bulletin.opus --target ip",
        name="loa",
        pretty_exceptions_enable=False,
    )
    alone = wanted if wanted in {*COMMANDS, *GROUPS} else None
    for name, command in COMMANDS.items():
        if alone in (None, name):
            app.add(name, command)
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
    if not arguments or (len(arguments) == 1 and arguments[0] in GROUPS):
        # Whoever types no command wants to see which there are; a script has made a mistake.
        run([*arguments, "--help"])
        return EXIT_USAGE
    as_json = "--json" in arguments
    app = command_line(arguments[0])
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
