"""`gpudrop simulate`: both sides on virtual time over an unreliable channel, with every promise checked."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from simulator.report import Tally
    from simulator.scenario import Terms


def simulate(
    seeds: Annotated[int, typer.Option(min=1, help="The number of schedules to run.")] = 200,
    first: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    weather: Annotated[
        Literal["calm", "drive", "harsh", "sync"], typer.Option(help="How unreliable the channel is.")
    ] = "harsh",
    workers: Annotated[int, typer.Option(min=1, max=20, help="The number of workers in each schedule.")] = 2,
    jobs: Annotated[int, typer.Option(min=1, max=50, help="The number of jobs of each dispatcher.")] = 2,
    without: Annotated[
        str | None, typer.Option(help="Disable one rule (R3, R5, settle, …), to see what it is for.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="The number of processes to use.")] = os.cpu_count() or 1,
    trace: Annotated[bool, typer.Option("--trace", help="Print the events of each schedule.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the production code of dispatchers and workers on virtual time, and check every promise from outside.

    The same seed gives the same schedule. Exit code 1 if a promise was broken, 130 if interrupted.
    """
    from simulator.scenario import Terms  # only this command needs the package that imports both sides

    terms, chosen = Terms(weather=weather, workers=workers, jobs=jobs), range(first, first + seeds)
    if trace:
        _trace(chosen, terms, without)
        return
    tally, seconds = _run(chosen, terms, without, processes)
    told = tally.told(seconds)
    for failure in told["failures"]:
        failure["replay"] = _replay_command(terms, without, failure["seed"])
    if json_:
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    else:
        _show(told)
    if tally.interrupted:
        raise typer.Exit(130)
    if tally.red:
        raise typer.Exit(1)


def _run(seeds: range, terms: Terms, rule: str | None, processes: int) -> tuple[Tally, float]:
    """Run the schedules with a progress line; return the counts, and the seconds it took."""
    from simulator.report import simulate as run

    progress = _Progress(len(seeds))
    counted = run(
        seeds, terms, rule, processes=processes, on_progress=lambda tally: progress(tally.schedules, tally.red)
    )
    progress.end()
    return counted


def _replay_command(terms: Terms, rule: str | None, seed: int) -> str:
    """Return the command that repeats one schedule with its trace."""
    words = ["gpudrop", "simulate", "--seeds", "1", "--weather", terms.weather]
    words += ["--workers", str(terms.workers), "--jobs", str(terms.jobs), *(["--without", rule] if rule else [])]
    return shlex.join([*words, "--first", str(seed), "--trace"])


def _trace(seeds: range, terms: Terms, rule: str | None) -> None:
    """Print the events of each schedule; exit with code 1 if a promise was broken."""
    from simulator.report import count_each

    red = 0
    for ran in count_each(seeds, terms, rule):
        red += bool(ran.violations)
        lines = [*ran.outcome.trace, *(f"VIOLATION {it.kind}: {it.what}" for it in ran.violations)]
        sys.stdout.write("\n".join([f"seed {ran.seed}, trace {ran.outcome.digest()}", *lines, ""]))
    if red:
        raise typer.Exit(1)


class _Progress:
    """A line that is overwritten on a terminal; elsewhere a line from time to time."""

    def __init__(self, seeds: int) -> None:
        self._seeds, self._tty, self._shown = seeds, sys.stderr.isatty(), 0

    def __call__(self, done: int, red: int) -> None:
        line = f"{done} of {self._seeds} schedules, {red} with a broken promise"
        if self._tty:
            sys.stderr.write(f"\r{line}")
            sys.stderr.flush()
        elif done - self._shown >= max(1000, self._seeds // 10):
            self._shown = done
            sys.stderr.write(f"{line}\n")

    def end(self) -> None:
        if self._tty:
            sys.stderr.write("\n")


def _show(told: dict[str, Any]) -> None:
    out = Console(highlight=False)
    table = Table(box=None, show_header=False)
    for key, value in told.items():
        if key != "failures":
            table.add_row(key.replace("_", " "), str(value))
    out.print(table)
    for failure in told["failures"]:
        out.print(f"\nseed {failure['seed']}: {'; '.join(failure['what'])[:500]}", markup=False)
        out.print("\n".join(failure["trace"][-8:]), markup=False, soft_wrap=True)
        out.print(f"repeat it with: {failure['replay']}", markup=False, soft_wrap=True)
