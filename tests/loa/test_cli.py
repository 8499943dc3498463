"""The command line: exit codes, one-line errors, instant help."""

import json
import re
import shlex
import subprocess
import sys

import pytest
import typer

from dsp.errors import Refusal
from loa import cli, reporting


def every_command():
    """Yield the words of every command, those of groups too."""
    yield from ([name] for name in cli.COMMANDS)
    for name, group in cli.GROUPS.items():
        yield from ([name, command.name] for command in group.registered_commands)


def test_help_loads_neither_kernels_nor_plots():
    heavy = "{'numba', 'numpy', 'av', 'matplotlib', 'rich'}"
    code = f"import sys, loa.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", [*every_command()], ids=" ".join)
def test_every_command_has_help_with_examples_that_it_understands(words, capsys):
    assert cli.run([*words, "--help"]) == 0
    text = capsys.readouterr().out
    examples = re.findall(rf"^  Example: loa ({' '.join(words)}.*)$", text, re.MULTILINE)
    assert examples
    for example in examples:
        command, arguments = typer.main.get_command(cli.command_line()), shlex.split(example)
        for word in words:
            assert arguments.pop(0) == word
            command = command.commands[word]
        command.make_context(words[-1], arguments)  # raises where it does not understand


@pytest.mark.parametrize("words", [[], *([name] for name in cli.GROUPS)], ids=" ".join)
def test_no_command_shows_which_there_are(words, capsys):
    assert cli.run(words) == 2
    said = capsys.readouterr()
    assert "\nCommands:\n" in said.out
    assert "Example: loa" in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["measure"],
        ["measure", "--nonsense", "x.wav"],
        ["master", "x.wav"],
        ["bench", "--runs", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments, capsys):
    assert cli.run(arguments) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert said.err.startswith("loa: usage: expected ")
    assert "; try loa" in said.err
    assert said.out == ""


def test_with_json_an_error_is_an_object_too(capsys):
    assert cli.run(["measure", "/nowhere/at-all.wav", "--json"]) == 2
    said = capsys.readouterr()
    error = json.loads(said.out)
    assert error["schema"] == "loa.error/1"
    assert set(error) == {"schema", "kind", "expected", "got", "try"}
    assert said.err.count("\n") == 1
    assert error["kind"] in said.err


def test_a_bug_of_ours_shows_its_traceback_and_has_its_own_code(monkeypatch, capsys):
    def broken(**_):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(cli, "command_line", lambda _wanted: broken)
    assert cli.run(["measure", "x"]) == cli.EXIT_BUG
    assert "ZeroDivisionError: ours" in capsys.readouterr().err


def test_an_interrupt_is_130(monkeypatch, capsys):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "command_line", lambda _wanted: interrupted)
    assert cli.run(["demo"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_the_operating_system_saying_no_is_exit_code_4(monkeypatch, capsys):
    def full(**_):
        raise OSError(28, "No space left on device", "out.wav")

    monkeypatch.setattr(cli, "command_line", lambda _wanted: full)
    assert cli.run(["demo"]) == 4
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "No space left on device (out.wav)" in line


def test_a_refusal_is_never_more_than_one_line(capsys):
    refusal = Refusal("audio.odd", expected="a\nb", got="c", advice="d")
    reporting.print_refusal(refusal, as_json=False)
    assert capsys.readouterr().err == "loa: audio.odd: expected a b, got c; try d\n"


def test_json_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="JSON"):
        reporting.print_json("measure", {"integrated_lufs": float("nan")})
