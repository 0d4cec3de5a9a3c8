"""A mistake on the command line is one `error:` line for every program of both sides."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import pytest
import typer

from tests.support.drops import OFFLINE, ROOT
from usertext.command_line import INTERRUPTED, Misuse, call, corrected

MISTAKES = {
    "worker --drop x --nonsense": "error: no such option: --nonsense",
    "worker --drop x --idle-exit abc": "error: --idle-exit: must be a number",
    "worker --drop x left over": "error: unexpected argument: left over",
    "worker --drop": "error: option '--drop' requires an argument",
    "models nonsense": "error: no such command 'nonsense'",
    "models ls --kimd x": "error: no such option: --kimd; did you mean --kind?",
    "runs ls --limit x": "error: --limit / -n: must be a whole number",
    "doctor left over": "error: unexpected argument: left over",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(line: str) -> None:
    """It names what is wrong and where the help is; neither usage nor a box is printed."""
    code = "from gpudrop_start import command; command()"
    ran = subprocess.run(
        [sys.executable, "-c", code, *line.split()], cwd=ROOT, env=OFFLINE, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    [said] = ran.stderr.splitlines()
    assert said.startswith(MISTAKES[line])
    assert said.endswith("--help)")


def _app(act: str) -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

    @app.command()
    def run(number: Annotated[int, typer.Option(min=1)] = 1) -> None:
        if act == "exit":
            raise typer.Exit(7)
        if act == "interrupt":
            raise KeyboardInterrupt
        if act == "fail":
            raise ValueError("ours")

    return app


def test_the_exit_code_is_that_of_the_command() -> None:
    """Its own code, 0 without one, 130 after Ctrl-C; an error of the command passes."""
    assert call(_app("exit"), [], "it") == 7
    assert call(_app(""), ["--number", "2"], "it") == 0
    assert call(_app("interrupt"), [], "it") == INTERRUPTED
    with pytest.raises(ValueError, match="ours"):
        call(_app("fail"), [], "it")
    with pytest.raises(Misuse, match=r"^--number: must be at least 1 \(see it --help\)$"):
        call(_app(""), ["--number", "0"], "it")


def test_only_a_close_name_is_suggested() -> None:
    """A name like no other has no suggestion."""
    assert corrected("no such command 'xyzzy'", ["init", "doctor"]) == "no such command 'xyzzy'"
