"""Showing what would be said instead, and asking: all of it, none, or step by step."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.text import Text

from dispatcher.tour import word_diff
from protocol.errors import UsageError
from usertext.redaction import legible

STYLES = {"same": "", "out": "red strike", "in": "bold green"}

Changed = tuple[str, str, str]
"""(step, narration before, narration after)."""


def check(*, enhance: bool, yes: bool, as_json: bool, others: Sequence[str] = ()) -> None:
    """Raise UsageError where nobody could be asked: nothing is changed that nobody has seen.

    `others` are the options given that mean nothing without --enhance.
    """
    if others and not enhance:
        raise UsageError(f"{', '.join(others)} says how to --enhance, which was not asked for: add --enhance")
    if enhance and not yes and (as_json or not sys.stdin.isatty()):
        why = "--json asks nobody" if as_json else "there is no terminal to ask on"
        raise UsageError(f"--enhance shows the new narration and asks, and {why}: add --yes to take what is proposed")


def review(console: Console, changed: Sequence[Changed], engine: str, *, yes: bool) -> frozenset[str]:
    """Show the changes and return the steps whose new words are accepted."""
    if not changed:
        console.print("nothing to change: the narration stays as it is", markup=False)
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
    """Show one step: in colour where that can be seen, else with marks around what goes and comes."""
    line = Text()
    line.append(f"{legible(step)}: ", style="bold")
    if console.is_terminal and not console.no_color:
        for kind, text in word_diff.changes(before, after):
            line.append(legible(text), style=STYLES[kind])
    else:
        line.append(legible(word_diff.plain(before, after)), style="")
    console.print(line, soft_wrap=True)


def _ask(question: str, answers: str) -> str:
    """Return the first letter of an answer; whoever gives none of these is asked again."""
    while True:
        given = str(typer.prompt(question, default="n", err=True)).strip().casefold()[:1]
        if given and given in answers:
            return given
