"""The display of a tour, which can ask for confirmation on a terminal, and its events for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from dispatcher.cli.display import Display, JsonDisplay, PlainStage, Stage
from dispatcher.tour.narration import word_diff
from protocol.errors import UsageError
from usertext.redaction import legible, without_secrets

STYLES = {"same": "", "out": "red strike", "in": "bold green"}

Changed = tuple[str, str, str]
"""(step, narration before, narration after)."""


class TourDisplay(Display):
    """The display, which also asks before a spec's shell commands run. It writes everything to `log` too."""

    def __init__(self, *, quiet: bool = False, log: Path | None = None) -> None:
        super().__init__(quiet=quiet)
        self._log = log

    def say(self, text: str) -> None:
        """Show what is happening."""
        super().say(text)
        self._write_log(text)

    def warn(self, text: str) -> None:
        """Show a warning."""
        super().warn(text)
        self._write_log(f"warning: {text}")

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Show one stage; the log gets its start and its duration."""
        began = time.monotonic()
        with super().stage(title) as stage:
            if not isinstance(stage, PlainStage):  # which shows, and so logs, its own lines
                self._write_log(f"{title} …")
            yield stage
        self._write_log(f"{title}: done in {time.monotonic() - began:.0f} s")

    def _write_log(self, text: str) -> None:
        if self._log is not None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8") as log:
                log.write(f"{time.strftime('%H:%M:%S')} {legible(without_secrets(text))}\n")

    def confirm(self, lines: Sequence[str]) -> bool:
        """Show the shell commands and ask; without a terminal the answer is no."""
        self.warn("the spec runs these shell commands on this machine:")
        for line in lines:
            self.warn(f"  {line}")
        return sys.stdin.isatty() and typer.confirm("Run them?", default=False, err=True)

    def review(self, changed: Sequence[Changed], engine: str, *, yes: bool) -> Collection[str]:
        """Show the proposed narration and ask; return the steps for which it was accepted."""
        return review(self._console, changed, engine, yes=yes)

    def ask(self, lines: Sequence[str], question: str) -> bool:
        """Show the lines and ask; without a terminal the answer is no."""
        for line in lines:
            self.warn(line)
        return sys.stdin.isatty() and typer.confirm(question, default=False, err=True)


class TourEvents(JsonDisplay):
    """The events of a tour. A program reads them, so every question is answered with no."""

    def confirm(self, lines: Sequence[str]) -> bool:
        """Write the shell commands as an event; the answer is no."""
        self.emit("confirm", text="the spec runs these shell commands; allow them with --allow-setup", lines=lines)
        return False

    def review(self, changed: Sequence[Changed], engine: str, *, yes: bool) -> Collection[str]:
        """Write the proposed narration as an event; it is accepted only with `yes`."""
        steps = [{"step": step, "before": before, "after": after} for step, before, after in changed]
        self.emit("enhanced", engine=engine, accepted=yes, steps=steps)
        return [step for step, _, _ in changed] if yes else []

    def ask(self, lines: Sequence[str], question: str) -> bool:
        """Write the question as an event; the answer is no."""
        self.emit("confirm", text=question, lines=lines)
        return False


def check_can_ask(*, enhance: bool, yes: bool, as_json: bool, others: Sequence[str] = ()) -> None:
    """Raise UsageError if --enhance would have to ask and cannot: narration is not changed unseen.

    `others` are the given options that need --enhance.
    """
    if others and not enhance:
        raise UsageError(f"{', '.join(others)} needs --enhance: add it")
    if enhance and not yes and (as_json or not sys.stdin.isatty()):
        why = "--json does not ask" if as_json else "there is no terminal to ask on"
        raise UsageError(
            f"--enhance shows the new narration and asks for confirmation, but {why}: add --yes to accept it"
        )


def review(console: Console, changed: Sequence[Changed], engine: str, *, yes: bool) -> frozenset[str]:
    """Show the changes, ask, and return the steps whose new narration is accepted."""
    if not changed:
        console.print("no changes proposed", markup=False)
        return frozenset()
    console.print(f"proposed by {engine}:", markup=False, soft_wrap=True)
    for step, before, after in changed:
        _show(console, step, before, after)
    if yes:
        return frozenset(step for step, _, _ in changed)
    what = f"these {len(changed)} narrations" if len(changed) > 1 else "this narration"
    answer = _ask(f"Use {what}? [y]es, [n]o, [e]ach", "yne")
    if answer == "e":
        return frozenset(step for step, _, _ in changed if _ask(f"Use the new narration of {step}? [y/n]", "yn") == "y")
    return frozenset(step for step, _, _ in changed if answer == "y")


def _show(console: Console, step: str, before: str, after: str) -> None:
    """Show one step: in colour if the terminal has it, else with marks around removed and added words."""
    line = Text()
    line.append(f"{legible(step)}: ", style="bold")
    if console.is_terminal and not console.no_color:
        for kind, text in word_diff.changes(before, after):
            line.append(legible(text), style=STYLES[kind])
    else:
        line.append(legible(word_diff.plain(before, after)), style="")
    console.print(line, soft_wrap=True)


def _ask(question: str, answers: str) -> str:
    """Return the first letter of the answer; ask again until it is one of `answers`."""
    while True:
        given = str(typer.prompt(question, default="n", err=True)).strip().casefold()[:1]
        if given and given in answers:
            return given
