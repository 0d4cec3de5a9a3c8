"""What came of a command of a kind: told to people at once, kept, and told to programs at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
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
class Done:
    """What came of it."""

    made: list[tuple[OperationResult, list[Path]]] = field(default_factory=list)
    planned: list[tuple[Plan, Mapping[str, Path]]] = field(default_factory=list)
    failed: dict[Path, GpudropError] = field(default_factory=dict)
    left_alone: list[Path] = field(default_factory=list)
    passed_over: set[str] = field(default_factory=set)
    results: list[Path] = field(default_factory=list)  # of earlier commands, among the sources
    runs: list[Run] = field(default_factory=list)  # of a detached command, and of the steps of a chain
    placed: list[Path] = field(default_factory=list)  # what the steps of a chain wrote

    @property
    def exit_code(self) -> int:
        """Return 0, the exit code that all failures share, or 1."""
        codes = {error.exit_code for error in self.failed.values()}
        return 0 if not codes else codes.pop() if len(codes) == 1 else 1

    def paths(self) -> list[Path]:
        """Return every file that was written, or would be; all relative where the user named the source so."""
        written = [path for _, paths in self.made for path in paths]
        is_relative = any(not path.is_absolute() for path in written)
        placed = [Path(os.path.relpath(path)) if is_relative else path for path in self.placed]
        return [*written, *placed] or [target for _, places in self.planned for target in places.values()]

    def told(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "made": [_made(made, paths) for made, paths in self.made],
            "runs": [{"id": run.id, "kind": run.kind, "status": run.status} for run in self.runs],
            "planned": [_planned(plan, places) for plan, places in self.planned],
            "failed": [_failed(path, error) for path, error in self.failed.items()],
            "left_alone": [str(path) for path in (*self.left_alone, *self.results)],
        }


def _made(made: OperationResult, paths: list[Path]) -> dict[str, Any]:
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
class Teller:
    """Keeps what came of each file in `done`, and shows it."""

    display: Display
    done: Done = field(default_factory=Done)

    def failed(self, path: Path, error: GpudropError) -> None:
        """Keep and tell what could not be done."""
        self.done.failed[path] = error
        self.tell_failure(path, error)

    def tell_failure(self, path: Path, error: GpudropError) -> None:
        """Tell of an error with its file, which most errors name themselves."""
        self.display.fail(str(error) if str(path) in str(error) else f"{path}: {error}")

    def made(self, made: OperationResult, paths: list[Path]) -> None:
        """Keep and tell where a result is, who made it, and what should not go unsaid of it."""
        self.done.made.append((made, paths))
        engine = made.engine
        who = f"{engine.told()} ({engine.tier}, {engine.device})" if engine else "an old worker"
        kept = ", made before" if made.cached else ""
        self.display.say(f"{made.source.name} → {', '.join(path.name for path in paths)} by {who}{kept}")
        if not made.cached:
            self.passed_over(reasons_of(made.result))
        for note in made.notes:
            self.display.warn(f"{made.source.name}: {note}")

    def passed_over(self, reasons: Iterable[str]) -> None:
        """Tell why a better engine was not used: each reason once a command, whatever number of files it holds for."""
        for reason in reasons:
            if reason not in self.done.passed_over:
                self.done.passed_over.add(reason)
                self.display.warn(f"a better engine could not be used: {reason}")

    def planned(self, plan: Plan, places: Mapping[str, Path]) -> None:
        """Keep and tell what would be done."""
        self.done.planned.append((plan, places))
        where = ", ".join(map(str, places.values()))
        options = " ".join(f"{option_of(name)} {_spelt(value)}" for name, value in plan.job.params.items())
        self.display.say(f"{plan.source.path} ({plan.facts.description}) → {where} {options}".rstrip())


def reasons_of(result: Result) -> list[str]:
    """Return why better engines were not used. The summary is a worker's: what is no list of texts says nothing."""
    told = result.summary.get("passed_over")
    return [each for each in told if isinstance(each, str)] if isinstance(told, list) else []


def _spelt(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
