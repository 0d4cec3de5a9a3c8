"""The registry of engines: one row an engine, and one policy by which a job gets its engine.

Each kind of work has one `EngineTable`, in `colab/handlers/<kind>/engines.py`. The policy is here and nowhere else;
docs/why/engine-choice.md gives the reasons.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from colab.models import Models
from colab.models.known import MODELS
from protocol.errors import JobFailed
from usertext import installing

log = logging.getLogger(__name__)


class Engine(Protocol):
    """What the registry asks of an open engine."""

    @property
    def name(self) -> str:
        """Return its name in the table."""
        ...

    def files(self) -> Sequence[str]:
        """Return the model files that it needs, by their names in the table of models."""
        ...


E = TypeVar("E", bound=Engine)
J = TypeVar("J")  # what a job of the kind asks of its engine


class EngineNotSetUp(JobFailed):
    """The engine's packages or model files are not on this worker; the message says how to get them."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="UNSUPPORTED")


@dataclass(frozen=True, kw_only=True)
class Opening(Generic[J]):
    """One attempt to open an engine for a job."""

    models: Models
    job: J
    is_required: bool = False  # the request requires this engine by name
    is_named: bool = False  # the request requires it, or names a model or voice: files may be downloaded
    passed_over: list[str] = field(default_factory=list)  # better models of this engine, and why they are not used


@dataclass(frozen=True, kw_only=True)
class EngineRow(Generic[J, E]):
    """One engine: how it is opened, what it needs, and for which jobs it is tried.

    `open` loads no model and downloads nothing. It raises `JobFailed` with the reason and a hint: BAD_REQUEST for a job
    that the engine cannot do on any worker, UNSUPPORTED for one that it cannot do on this one.
    """

    name: str
    open: Callable[[Opening[J]], E]
    packages: tuple[str, ...] = ()  # modules that must be importable
    extra: str = ""  # of gpudrop, which installs them
    suits: Callable[[J], bool] = lambda _: True  # whether it is tried for a job that requires no engine
    load: Callable[[Opening[J], E], E] | None = None  # loads the model, or one that fits, once the files are here
    without: Callable[[J], str] = lambda _: ""  # what a job has to do without if this engine is not used
    report_missing: bool = True  # whether results mention that it is not set up on this worker
    is_last: bool = False  # a worker lists it after the others: it does only what they do not


@dataclass(frozen=True, kw_only=True)
class Choice(Generic[E]):
    """The engine that does a job, and why better ones do not."""

    engine: E
    passed_over: tuple[str, ...] = ()


@dataclass(kw_only=True, eq=False)
class EngineTable(Generic[J, E]):
    """The engines of one kind of work, best first."""

    kind: str
    rows: tuple[EngineRow[J, E], ...]
    any_job: J  # a job without preferences, for the worker's card
    names_model: Callable[[J], bool] = lambda _: False  # whether a job names a model or voice
    check_job: Callable[[Models, J], None] = lambda _models, _job: None  # raises `JobFailed` for an unknown model
    check: Callable[[E, J], object] = lambda _engine, _job: None  # raises `JobFailed` for what an engine cannot do
    _unfetched: set[str] = field(default_factory=set)  # engines whose files could not be downloaded by this process

    def __iter__(self) -> Iterator[str]:
        """Yield the names, best first."""
        return (row.name for row in self.rows)

    def available(self, models: Models) -> tuple[E, ...]:
        """Return the engines that can work here: those that are ready first, then those with files to download.

        Within each group the best comes first. Nothing is loaded or downloaded.
        """
        found: list[tuple[bool, bool, E]] = []
        for row in self.rows:
            try:
                engine = _opened(row, Opening(models=models, job=self.any_job))
                lacks_files = bool(_lacking(models, engine))
            except JobFailed:
                continue
            if not (lacks_files and models.offline):
                found.append((row.is_last, lacks_files, engine))
        return tuple(engine for *_, engine in sorted(found, key=lambda each: each[:2]))

    def choose(self, models: Models, job: J, required: str | None = None) -> Choice[E]:
        """Return the engine that is required, or the best that can do the job here; its files are here and verified.

        Files are downloaded only if the request requires the engine or names a model or voice. Raises `JobFailed` with
        the reason of each engine that was tried, the best engine's last.
        """
        candidates = self._candidates(job, required)
        self.check_job(models, job)
        failures: list[tuple[EngineRow[J, E], JobFailed]] = []
        for row in candidates:
            opening = Opening(
                models=models,
                job=job,
                is_required=required is not None,
                is_named=required is not None or self.names_model(job),
            )
            try:
                engine = self._ready(row, opening, retry=len(candidates) == 1)
            except JobFailed as problem:
                failures.append((row, problem))
                level = logging.WARNING if _is_reported(row, problem) else logging.INFO
                log.log(level, "the %s engine %s is not used: %s", self.kind, row.name, problem)
            else:
                better = [_reason(row, job, problem) for row, problem in failures if _is_reported(row, problem)]
                return Choice(engine=engine, passed_over=(*better, *opening.passed_over))
        raise _refusal(failures)

    def _candidates(self, job: J, required: str | None) -> Sequence[EngineRow[J, E]]:
        if required is None:
            return [row for row in self.rows if row.suits(job)]
        if named := [row for row in self.rows if row.name == required]:
            return named
        raise JobFailed(
            f"the {self.kind} engine {required!r} is not on this worker; it has: {', '.join(self)}", code="UNSUPPORTED"
        )

    def _ready(self, row: EngineRow[J, E], opening: Opening[J], *, retry: bool) -> E:
        """Return the engine with its files here, and its model loaded if the row loads one."""
        engine = _opened(row, opening)
        self.check(engine, opening.job)
        if lacking := _lacking(opening.models, engine):
            self._check_download(row, opening, lacking, retry=retry)
        try:
            for file in engine.files():
                opening.models.path(file)
        except JobFailed as problem:
            self._unfetched.add(row.name)
            if problem.code != "UNSUPPORTED" or not (command := pull_command(engine.files())):
                raise
            raise JobFailed(f"{problem}. Where there is a network: {command}", code=problem.code) from problem
        self._unfetched.discard(row.name)
        return engine if row.load is None else row.load(opening, engine)

    def _check_download(
        self, row: EngineRow[J, E], opening: Opening[J], lacking: Sequence[str], *, retry: bool
    ) -> None:
        """Raise `JobFailed` if files that are not here must not, or cannot, be downloaded now."""
        missing = " and ".join(lacking[:2]) + (f" and {len(lacking) - 2} more files" if len(lacking) > 2 else "")
        if not opening.is_named:
            raise EngineNotSetUp(f"its model is not on this worker: {pull_command(lacking)}")
        if opening.models.offline:
            raise JobFailed(
                f"this worker is offline and lacks {missing}. {_by_hand(lacking)}",
                code="UNSUPPORTED",
            )
        if row.name in self._unfetched and not retry:
            raise JobFailed(f"{missing} could not be downloaded before. {_by_hand(lacking)}", code="UNSUPPORTED")


def pull_command(files: Sequence[str]) -> str:
    """Return the command that downloads the models which have these files; "" if only the worker's owner has them."""
    pulled: dict[str, set[str]] = {}
    for file in files:
        if not any(file in held for held in pulled.values()):
            pulled |= next(({model.name: held} for model, held in _HELD if file in held), {})
    return f"gpudrop models pull {' '.join(pulled)}" if pulled else ""


_HELD = [(model, {file.name for file in model.files}) for model in MODELS.values()]


def _by_hand(files: Sequence[str]) -> str:
    command = pull_command(files)
    return f"Where there is a network: {command}" if command else "The worker's owner can add them: gpudrop models add"


def _opened(row: EngineRow[J, E], opening: Opening[J]) -> E:
    """Open an engine; `EngineNotSetUp` names the packages that are not installed."""
    if missing := [name for name in row.packages if importlib.util.find_spec(name) is None]:
        raise EngineNotSetUp(f"{' and '.join(missing)} not installed here: {installing.with_extra(row.extra)}")
    return row.open(opening)


def _lacking(models: Models, engine: Engine) -> list[str]:
    return [file for file in engine.files() if not models.present(file)]


def _is_reported(row: EngineRow[Any, Any], problem: JobFailed) -> bool:
    """Say whether a result mentions that this engine was passed over: only if its reader can do something about it."""
    return problem.code != "BAD_REQUEST" and (row.report_missing or not isinstance(problem, EngineNotSetUp))


def _reason(row: EngineRow[J, E], job: J, problem: JobFailed) -> str:
    lost = row.without(job)
    return f"no {lost} ({row.name}): {problem}" if lost else f"{row.name}: {problem}"


def _refusal(failures: Sequence[tuple[EngineRow[J, E], JobFailed]]) -> JobFailed:
    """Return why no engine can do the job. A mistake in the request outweighs what the worker lacks."""
    mistakes = [(row, problem) for row, problem in failures if problem.code == "BAD_REQUEST"]
    shown = mistakes or failures
    return JobFailed("; ".join(f"{row.name}: {problem}" for row, problem in reversed(shown)), code=shown[0][1].code)
