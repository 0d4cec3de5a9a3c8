"""What a command of a kind does: find the files, have the work done, put the results in place, tell all of it."""

from __future__ import annotations

import contextlib
import functools
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dispatcher.cli import detached
from dispatcher.cli.display import Display, Stage
from dispatcher.client import Client, new_id
from dispatcher.config import Settings
from dispatcher.connection import Connection, connect
from dispatcher.jobs import Progress
from dispatcher.operations import targets
from dispatcher.operations.batch import OF_ONE_FILE, Made, NotMade, is_made, run
from dispatcher.operations.chain import Step, Wishes, errand, steps_of
from dispatcher.operations.outputs import is_reference, referred
from dispatcher.operations.plan import Plan, checked, option_of, plan
from dispatcher.operations.settling import settle
from dispatcher.operations.sources import Source, find
from dispatcher.runs.record import Group, Run
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady, GpudropError, NotFoundError, UsageError
from protocol.kinds.kind import Kind
from protocol.transports.host import SYSTEM

MANY = 20
"""From so many files on, looking at them is shown: it takes a while."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked for on the command line."""

    kind: Kind
    files: Sequence[str]
    params: Mapping[str, Any]
    out: Path | None
    backend: str
    drop: str | None
    engine: str | None
    anew: bool
    overwrite: bool
    timeout_s: float | None
    dry_run: bool
    then: Sequence[str] = ()
    tags: Sequence[str] = ()
    notify: str | None = None
    detach: bool = False
    command: str = ""


@dataclass(kw_only=True)
class Done:
    """What came of it."""

    made: list[tuple[Made, list[Path]]] = field(default_factory=list)
    planned: list[tuple[Plan, dict[str, Path]]] = field(default_factory=list)
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
        """Return every file that was written, or would be."""
        written = [path for _, paths in self.made for path in paths]
        return [*written, *self.placed] or [target for _, places in self.planned for target in places.values()]

    def told(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "made": [_made(made, paths) for made, paths in self.made],
            "runs": [{"id": run.id, "kind": run.kind, "status": run.status} for run in self.runs],
            "planned": [
                {"source": str(plan.source.path), "is": plan.facts.told, "params": dict(plan.job.params)}
                | {"files": [str(path) for path in places.values()]}
                for plan, places in self.planned
            ],
            "failed": [
                {"source": str(path), "error": str(error), "code": getattr(error, "code", None)}
                | {"exit_code": error.exit_code}
                for path, error in self.failed.items()
            ],
            "left_alone": [str(path) for path in (*self.left_alone, *self.results)],
        }


def _made(made: Made, paths: list[Path]) -> dict[str, Any]:
    engine = made.engine.model_dump(mode="json", exclude_none=True) if made.engine else None
    return {
        "source": str(made.source),
        "files": [str(path) for path in paths],
        "run": made.result.run,
        "engine": engine,
        "kept": made.kept,
        "summary": dict(made.result.summary),
        "notes": made.notes,
        "passed_over": made.passed_over,
    }


def do(asked: Asked, display: Display) -> Done:
    """Do what was asked. One file that fails keeps no other from being done; `failed` tells of it."""
    done = Done()
    checked(asked.kind, asked.params)
    steps = steps_of(asked.then)
    plans = list(_plans(asked, _sources(asked), done, display))
    for path, error in done.failed.items():
        _tell_failure(path, error, display)
    if done.left_alone:
        display.say(f"{len(done.left_alone)} file(s) in the folders are of no use for {asked.kind.name}: left alone")
    if done.results:
        display.say(f"{len(done.results)} file(s) are results of others here: left alone")
    if not plans and not done.failed:
        raise NotFoundError(f"nothing to {asked.kind.name} in {', '.join(asked.files)}")
    _check_names(plans, asked.out)
    if asked.dry_run:
        done.planned = [(each, each.targets(asked.out)) for each in plans]
        for each, places in done.planned:
            where = ", ".join(map(str, places.values()))
            options = " ".join(f"{option_of(name)} {_value(value)}" for name, value in each.job.params.items())
            display.say(f"{each.source.path} ({each.facts.told}) → {where} {options}".rstrip())
    elif plans:
        _work(asked, plans, steps, done, display)
    return done


def _sources(asked: Asked) -> list[Source]:
    """Return what was named: files here, and outputs of earlier runs."""
    references = [name for name in asked.files if is_reference(name)]
    sources = find([name for name in asked.files if not is_reference(name)])
    if references:
        settings = Settings()
        with RunStore.open(settings.database, durability=settings.durability) as store:
            sources += [source for name in references for source in referred(store, name, asked.kind)]
    return sources


def _plans(asked: Asked, sources: Sequence[Source], done: Done, display: Display) -> Iterator[Plan]:
    plans = []
    with contextlib.ExitStack() as stack:
        looked: Callable[[int], None] = _unshown
        if len(sources) >= MANY:
            stage = stack.enter_context(display.stage(f"looking at {len(sources)} files"))
            looked = functools.partial(stage.update, total=len(sources))
        found = plan(asked.kind, sources, asked.params, engine=asked.engine, anew=asked.anew, on_look=looked)
        for each in found:
            if isinstance(each, Plan):
                plans.append(each)
            elif each.may_be_left_alone:
                done.left_alone.append(each.source.path)
            else:
                done.failed[each.source.path] = each.error
    made_by_others = {place.resolve() for each in plans for place in each.targets(asked.out).values()}
    for each in plans:
        # What an earlier command made of another of these files is not worked on once more: `*.jpg` names it too.
        if each.source.path.resolve() in made_by_others and len(plans) > 1:
            done.results.append(each.source.path)
        else:
            yield each


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _unshown(_number: int) -> None:
    """Show nothing: it takes no time."""


def _check_names(plans: Sequence[Plan], out: Path | None) -> None:
    """Raise UsageError when two sources would get results of one name, or a result would take its source's place."""
    seen: dict[str, Path] = {}
    for each in plans:
        for place in each.targets(out).values():
            other = seen.setdefault(str(place).casefold(), each.source.path)
            if other != each.source.path:
                raise UsageError(
                    f"{other} and {each.source.path} would both become {place}: give one another folder with --out"
                )
            if place.resolve() == each.source.path.resolve():
                raise UsageError(f"{place} would be written over itself: name another folder with --out")


def _errands(asked: Asked, plans: Sequence[Plan], steps: Sequence[Step]) -> Iterator[Plan]:
    """Yield plans whose jobs say what is to become of their outputs, for whoever finishes them."""
    wishes = Wishes(
        out=asked.out,
        overwrite=asked.overwrite,
        tags=asked.tags,
        group=_group(asked, len(plans)) if len(plans) > 1 or steps else None,
        notify=asked.notify,
        deadline_s=asked.timeout_s,
        config={"command": asked.command},
    )
    for each in plans:
        yield replace(each, job=errand(each, wishes, steps))


def _group(asked: Asked, number: int) -> str:
    settings = Settings()
    title = " → ".join([asked.kind.name, *(name.split()[0] for name in asked.then)])
    group = Group(id=new_id(SYSTEM), sort="batch", title=f"{title}, {number} file(s)", created_at=time.time())
    with RunStore.open(settings.database, durability=settings.durability) as store:
        store.search.begin_group(group)
    return group.id


def _work(asked: Asked, plans: Sequence[Plan], steps: Sequence[Step], done: Done, display: Display) -> None:
    plans = list(_errands(asked, plans, steps))
    places = {path for each in plans for path in each.targets(asked.out).values()}
    for folder in sorted({path.parent for path in places}):
        targets.check_folder(folder)
    if asked.detach:
        done.runs, failed = detached.submit(plans, asked.backend, asked.drop, display)
        done.failed.update(failed)
        for path, error in failed.items():
            _tell_failure(path, error, display)
        return
    kinds = ",".join(dict.fromkeys([asked.kind.name, *(step.kind for step in steps)]))

    def idle(client: Client) -> bool:
        return not steps and all(is_made(client, each) for each in plans)

    with connect(asked.backend, asked.drop, kinds=kinds, idle=idle) as connection:
        if not asked.overwrite:
            plans = list(_with_room(plans, asked, connection.client.kept, done, display))
        with _Stages(display, plans, local=asked.backend == "local") as stages:
            for outcome in run(
                connection, plans, out=asked.out, timeout_s=asked.timeout_s, on_progress=stages.progress
            ):
                stages.end(outcome)
                if isinstance(outcome, Made):
                    done.made.append((outcome, outcome.save(overwrite=asked.overwrite)))
                    _tell(outcome, done, display)
                    settle(connection, connection.client.store.get(outcome.result.run))
                else:
                    done.failed[outcome.source] = outcome.error
                    _tell_failure(outcome.source, outcome.error, display)
        _follow(connection, asked, done, display)
        if asked.backend == "local":
            connection.client.clean(older_than_s=0)  # nobody else looks at a private drop


def _follow(connection: Connection, asked: Asked, done: Done, display: Display) -> None:
    """Wait for the further steps of a chain, each of which begins where one before it has ended."""
    store = connection.client.store
    waiting = deque(made.result.run for made, _ in done.made)
    while waiting:
        parent = store.get(waiting.popleft())
        for continuation in store.trace.continuations(parent.id):
            if continuation.error_text is not None:
                error = UsageError(f"{parent.title} ({parent.kind}): {continuation.error_text}")
                done.failed[Path(f"run:{parent.id}")] = error
                display.fail(str(error))
        for child in store.search.children([parent.id]):
            if child.id not in {run.id for run in done.runs}:
                waiting.append(child.id)
                _finish(connection, child, asked, done, display)


def _finish(connection: Connection, child: Run, asked: Asked, done: Done, display: Display) -> None:
    """Wait for one further step and tell what came of it."""
    store, name = connection.client.store, f"{child.kind} {child.title}"
    handle = connection.client.resume(child)
    with display.stage(name) as stage:

        def told(progress: Progress) -> None:
            stage.job(replace(progress, cure="") if asked.backend == "local" else progress)
            connection.keep()

        try:
            handle.wait(asked.timeout_s, on_progress=told)
        except OF_ONE_FILE as error:
            done.failed[Path(f"run:{child.id}")] = error
            _tell_failure(Path(name), error, display)
    left = settle(connection, store.get(child.id))
    done.runs.append(store.get(child.id))
    for delivery in store.trace.deliveries(child.id):
        if delivery.placed_at is not None:
            done.placed.append(Path(delivery.target))
            display.say(f"{child.title} → {Path(delivery.target).name} by {child.kind}")
        elif delivery.error_text:
            done.failed[Path(delivery.target)] = UsageError(delivery.error_text)
            display.fail(delivery.error_text)
        else:
            done.failed[Path(delivery.target)] = EnvironmentNotReady(left)
            display.fail(left)


def _with_room(plans: Sequence[Plan], asked: Asked, kept: Any, done: Done, display: Display) -> Iterator[Plan]:
    """Yield the plans whose results have a place; a file in the way is told before the work, not after it."""
    for each in plans:
        places = each.targets(asked.out)
        there = {path: place for path, place in places.items() if place.exists()}
        try:
            if there and ((had := kept(each.job)) is None or not _are(there, had.files)):
                targets.check_free(there.values())
        except UsageError as error:
            done.failed[each.source.path] = error
            _tell_failure(each.source.path, error, display)
        else:
            yield each


def _are(there: Mapping[str, Path], files: Mapping[str, Path]) -> bool:
    return all(targets.are_there({place: files[path]}) for path, place in there.items())


class _Stages:
    """Shows one file after the other: the stage of a file begins with the first word of it."""

    def __init__(self, display: Display, plans: Sequence[Plan], *, local: bool) -> None:
        self._display, self._many, self._local = display, len(plans), local
        self._order = {each.source.path: number for number, each in enumerate(plans, 1)}
        self._open: contextlib.ExitStack | None = None
        self._stage: Stage | None = None
        self.started = time.monotonic()

    def __enter__(self) -> _Stages:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def progress(self, path: Path, progress: Progress) -> None:
        """Show how a file stands."""
        if self._local:  # nobody has to start a worker: this command does
            progress = replace(progress, cure="")
        if self._stage is None:
            self._open = contextlib.ExitStack()
            number = f"[{self._order[path]}/{self._many}] " if self._many > 1 else ""
            self._stage = self._open.enter_context(self._display.stage(f"{number}{path.name}"))
        self._stage.job(progress)

    def end(self, _outcome: Made | NotMade) -> None:
        """End the stage of a file."""
        self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = self._stage = None


def _tell_failure(path: Path, error: GpudropError, display: Display) -> None:
    display.fail(str(error) if str(path) in str(error) else f"{path}: {error}")


def _tell(made: Made, done: Done, display: Display) -> None:
    paths = done.made[-1][1]
    engine = made.engine
    who = f"{engine.told()} ({engine.tier}, {engine.device})" if engine else "an old worker"
    kept = ", made before" if made.kept else ""
    display.say(f"{made.source.name} → {', '.join(path.name for path in paths)} by {who}{kept}")
    for reason in made.passed_over:
        if reason not in done.passed_over:  # once for all files
            display.say(f"  a better engine was passed over: {reason}")
    done.passed_over.update(made.passed_over)
    for note in made.notes:
        display.warn(f"{made.source.name}: {note}")
