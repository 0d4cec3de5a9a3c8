"""`--then`: what is done with the outputs of a run next. Any monitor can continue, as the run stores the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dispatcher.connection import Connection
from dispatcher.jobs.job import Job, Purpose
from dispatcher.operations.outputs import FileNames, next_sources
from dispatcher.operations.plan import Plan, check_params, kind_of, plan
from dispatcher.operations.sources import Source
from dispatcher.operations.targets import name_after
from dispatcher.runs.record import Continuation, Delivery, Run
from protocol.errors import UsageError
from protocol.kinds import KINDS
from protocol.kinds.kind import SOURCE
from usertext.problems import not_one_of


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """The options of a command that hold for all its files, and for every step of a chain."""

    overwrite: bool = False
    tags: Sequence[str] = ()
    group: str | None = None
    notify: str | None = None
    deadline_s: float | None = None
    anew: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ChainStep:
    """A further kind of work and its parameters."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)


def steps_of(names: Sequence[str]) -> list[ChainStep]:
    """Return the steps of `--then KIND` or `--then "KIND name=value …"`. Raises UsageError for a wrong one."""
    return [_step(name) for name in names]


def _step(text: str) -> ChainStep:
    kind, *options = text.split()
    usable = [each.name for each in KINDS.values() if each.takes]
    if kind not in usable:
        raise UsageError(f"--then: {not_one_of(kind, sorted(usable))}")
    params: dict[str, Any] = {}
    for option in options:
        name, equals, value = option.lstrip("-").partition("=")
        if not equals:
            raise UsageError(f"--then {text!r}: write options as name=value, not {option!r}")
        params[name.replace("-", "_")] = value
    return ChainStep(kind=kind, params=_read(kind, params, f"--then {text!r}"))


def _read(kind: str, params: Mapping[str, str], where: str) -> dict[str, Any]:
    """Return the parameters, converted from text as their kind says. `where` begins the message of an error."""
    fields = KINDS[kind].params.model_fields
    read: dict[str, Any] = {
        name: value.split(",") if name in fields and "tuple" in str(fields[name].annotation) else value
        for name, value in params.items()
    }
    return dict(check_params(KINDS[kind], read, str, where).model_dump(mode="json", exclude_unset=True))


def with_followups(planned: Plan, options: BatchOptions, rest: Sequence[ChainStep]) -> Job:
    """Return a plan's job with all that is done after it: deliveries, notices and the further steps."""
    purpose = Purpose(
        title=planned.source.display_name,
        parent=planned.source.run,
        group=options.group,
        tags=options.tags,
        deliveries=[
            Delivery(name=name, target=str(target.absolute()), overwrite=options.overwrite)
            for name, target in planned.targets.items()
        ],
        steps=_continuation(planned, options, rest) if rest else None,
        notices=[options.notify] if options.notify else [],
        deadline_s=options.deadline_s,
        config=options.config,
        facts={SOURCE: planned.facts.stored} if planned.facts.stored else {},
    )
    return replace(planned.job, purpose=purpose)


def _continuation(planned: Plan, options: BatchOptions, rest: Sequence[ChainStep]) -> dict[str, Any]:
    """Return the further steps as the database stores them, with the options of this command and its file names.

    The names are needed because the run may be that of an earlier command, which had other names for the same files.
    """
    source = planned.source
    out = planned.out / source.below if planned.out else None
    return {
        "steps": [{"kind": step.kind, "params": dict(step.params)} for step in rest],
        "wishes": {**asdict(options), "tags": list(options.tags), "out": str(out.absolute()) if out else None},
        "called": {
            "source": str(source.display_path.absolute()),
            "outputs": {name: str(target.absolute()) for name, target in planned.targets.items()},
        },
    }


def submit_next(connection: Connection, run: Run, continuation: Continuation) -> list[str]:
    """Submit the next step of a chain for each output that its kind takes; return the ids of the new runs."""
    steps = [ChainStep(**each) for each in continuation.steps["steps"]]
    options = _options(continuation)
    called = _names(continuation.steps.get("called"))
    sources = next_sources(connection.client.store, run, kind_of(steps[0].kind), called)
    plans = _plans(steps[0], sources, anew=options.anew, out=_out(continuation))
    jobs = [with_followups(each, options, steps[1:]) for each in plans]
    return [connection.client.submit(job).run for job in jobs]


def _names(stored: Mapping[str, Any] | None) -> FileNames | None:
    """Return what a command calls the files of a run; None where an older version wrote the continuation."""
    if stored is None:
        return None
    outputs = {name: Path(path) for name, path in stored["outputs"].items()}
    return FileNames(source=Path(stored["source"]), outputs=outputs)


def group_of(continuation: Continuation) -> str | None:
    """Return the group of the command that asked for the next step."""
    group: str | None = continuation.steps["wishes"]["group"]
    return group


def delivered_for(continuation: Continuation, delivery: Delivery) -> Path | None:
    """Return the file of this command that the target of a further step is named after.

    None where another command asked for that target: it may have had the same run done before.
    """
    called = _names(continuation.steps.get("called"))
    if called is None:
        return Path(delivery.target)
    out = _out(continuation)
    named = (called.source, *called.outputs.values())
    return next(
        (it for it in named if (out or it.parent) / name_after(it, delivery.name) == Path(delivery.target)), None
    )


def _plans(step: ChainStep, sources: Sequence[Source], *, anew: bool, out: Path | None) -> list[Plan]:
    plans = []
    for each in plan(kind_of(step.kind), sources, step.params, anew=anew, out=out):
        if not isinstance(each, Plan):
            raise each.error
        plans.append(each)
    return plans


def _options(continuation: Continuation) -> BatchOptions:
    return BatchOptions(**{name: value for name, value in continuation.steps["wishes"].items() if name != "out"})


def _out(continuation: Continuation) -> Path | None:
    out = continuation.steps["wishes"]["out"]
    return Path(out) if out else None
