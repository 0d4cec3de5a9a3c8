"""The outcome of a command of a kind: shown to people as it happens, collected, and printed as JSON at the end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dispatcher.cli.display import Display
from dispatcher.jobs.job import Result
from dispatcher.operations.batch import OperationResult
from dispatcher.operations.plan import Plan, option_of
from dispatcher.runs.record import Run
from protocol.errors import GpudropError


@dataclass(kw_only=True)
class Outcome:
    """What was made, planned, skipped and what failed."""

    made: list[tuple[OperationResult, list[Path]]] = field(default_factory=list)
    planned: list[tuple[Plan, Mapping[str, Path]]] = field(default_factory=list)
    failed: dict[Path, GpudropError] = field(default_factory=dict)
    unsuitable: list[Path] = field(default_factory=list)  # files of named folders that the kind does not take
    passed_over: set[str] = field(default_factory=set)
    results: list[Path] = field(default_factory=list)  # results of earlier commands among the named files
    runs: list[Run] = field(default_factory=list)  # of a detached command, and of the steps of a chain
    placed: list[Path] = field(default_factory=list)  # files that the steps of a chain wrote

    @property
    def exit_code(self) -> int:
        """Return 0, the exit code that all failures share, or 1."""
        codes = {error.exit_code for error in self.failed.values()}
        return 0 if not codes else codes.pop() if len(codes) == 1 else 1

    def paths(self) -> list[Path]:
        """Return every file that was written or would be, relative if the user named the sources so."""
        written = [path for _, paths in self.made for path in paths]
        is_relative = any(not path.is_absolute() for path in written)
        placed = [Path(os.path.relpath(path)) if is_relative else path for path in self.placed]
        return [*written, *placed] or [target for _, places in self.planned for target in places.values()]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for `--json`."""
        return {
            "made": [_made(made, paths) for made, paths in self.made],
            "runs": [{"id": run.id, "kind": run.kind, "status": run.status} for run in self.runs],
            "planned": [_planned(plan, places) for plan, places in self.planned],
            "failed": [_failed(path, error) for path, error in self.failed.items()],
            "left_alone": [str(path) for path in (*self.unsuitable, *self.results)],
        }

    def print(self, *, as_json: bool, detached: bool) -> None:
        """Write it to stdout: the paths of the files, the ids of a detached command's runs, or JSON."""
        if detached:
            self._print_runs(as_json=as_json)
        elif as_json:
            sys.stdout.write(json.dumps(self.as_dict(), ensure_ascii=False, indent=1) + "\n")
        else:
            sys.stdout.writelines(f"{path}\n" for path in self.paths())

    def _print_runs(self, *, as_json: bool) -> None:
        if as_json:
            runs = [{"id": run.id, "kind": run.kind, "title": run.title, "status": run.status} for run in self.runs]
            told = {"runs": runs, "failed": self.as_dict()["failed"]}
            sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=1) + "\n")
        else:
            sys.stdout.writelines(f"{run.id}\n" for run in self.runs)


def _made(made: OperationResult, paths: Sequence[Path]) -> dict[str, Any]:
    engine = made.engine.model_dump(mode="json", exclude_none=True) if made.engine else None
    return {
        "source": str(made.source),
        "files": [str(path) for path in paths],
        "run": made.result.run,
        "engine": engine,
        "kept": made.cached,
        "summary": dict(made.result.summary),
        "notes": made.notes,
        "passed_over": made.passed_over,
    }


def _planned(plan: Plan, places: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "source": str(plan.source.path),
        "is": plan.facts.description,
        "params": dict(plan.job.params),
        "files": [str(path) for path in places.values()],
    }


def _failed(path: Path, error: GpudropError) -> dict[str, Any]:
    return {
        "source": str(path),
        "error": str(error),
        "code": getattr(error, "code", None),
        "exit_code": error.exit_code,
    }


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """Shows what happens to each file, and collects it in `outcome`."""

    display: Display
    outcome: Outcome = field(default_factory=Outcome)

    def failed(self, path: Path, error: GpudropError) -> None:
        """Record and show an error of a file."""
        self.outcome.failed[path] = error
        self.show_failure(path, error)

    def show_failure(self, path: Path, error: GpudropError) -> None:
        """Show an error with the name of its file, which most errors contain already."""
        self.display.fail(str(error) if str(path) in str(error) else f"{path}: {error}")

    def made(self, made: OperationResult, paths: list[Path]) -> None:
        """Record and show a result: its files, the engine, and the worker's notes."""
        self.outcome.made.append((made, paths))
        engine = made.engine
        by = f"{engine.told()} ({engine.tier}, {engine.device})" if engine else "an old worker"
        cached = ", from an earlier run" if made.cached else ""
        self.display.say(f"{made.source.name} → {', '.join(path.name for path in paths)} by {by}{cached}")
        if not made.cached:
            self.passed_over(reasons_of(made.result))
        for note in made.notes:
            self.display.warn(f"{made.source.name}: {note}")

    def passed_over(self, reasons: Iterable[str]) -> None:
        """Show why a better engine was not used: each reason once a command, however many files it applies to."""
        for reason in reasons:
            if reason not in self.outcome.passed_over:
                self.outcome.passed_over.add(reason)
                self.display.warn(f"a better engine could not be used: {reason}")

    def planned(self, plan: Plan, places: Mapping[str, Path]) -> None:
        """Record and show what would be done."""
        self.outcome.planned.append((plan, places))
        where = ", ".join(map(str, places.values()))
        options = " ".join(f"{option_of(name)} {_spelt(value)}" for name, value in plan.job.params.items())
        self.display.say(f"{plan.source.path} ({plan.facts.description}) → {where} {options}".rstrip())


def reasons_of(result: Result) -> list[str]:
    """Return why better engines were not used; none if the worker's summary does not hold a list of texts."""
    reasons = result.summary.get("passed_over")
    return [each for each in reasons if isinstance(each, str)] if isinstance(reasons, list) else []


def _spelt(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
