"""`--then`: what is made of the outputs of a run next. The steps are kept with the run: any monitor can go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dispatcher.connection import Connection
from dispatcher.jobs.job import Job, Purpose
from dispatcher.operations.outputs import Called, next_sources
from dispatcher.operations.plan import Plan, checked, kind_of, plan
from dispatcher.operations.sources import Source
from dispatcher.operations.targets import name_after
from dispatcher.runs.record import Continuation, Delivery, Run
from protocol.errors import UsageError
from protocol.kinds import KINDS
from protocol.kinds.kind import SOURCE
from usertext.problems import not_one_of


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """How the results of a command are to be treated: the same for every step of a chain."""

    out: Path | None = None
    overwrite: bool = False
    tags: Sequence[str] = ()
    group: str | None = None
    notify: str | None = None
    deadline_s: float | None = None
    anew: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A further kind of work and its parameters."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)


def steps_of(names: Sequence[str]) -> list[Step]:
    """Return the steps that `--then KIND` or `--then "KIND name=value …"` names; a wrong one raises UsageError."""
    return [_step(name) for name in names]


def _step(text: str) -> Step:
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
    return Step(kind=kind, params=_read(kind, params, f"--then {text!r}"))


def _read(kind: str, params: Mapping[str, str], where: str) -> dict[str, Any]:
    """Return parameters as their kind reads them: they come as text. `where` begins the message of an error."""
    fields = KINDS[kind].params.model_fields
    read: dict[str, Any] = {
        name: value.split(",") if name in fields and "tuple" in str(fields[name].annotation) else value
        for name, value in params.items()
    }
    known = checked(KINDS[kind], read, str, where).model_dump(mode="json", exclude_unset=True)
    return dict(known)


def errand(planned: Plan, wishes: Wishes, rest: Sequence[Step]) -> Job:
    """Return a plan's job with all that is to become of its outputs, for whoever finishes it."""
    targets = planned.targets(wishes.out)
    purpose = Purpose(
        title=planned.source.called_name,
        parent=planned.source.run,
        group=wishes.group,
        tags=wishes.tags,
        deliveries=[
            Delivery(name=name, target=str(target.absolute()), overwrite=wishes.overwrite)
            for name, target in targets.items()
        ],
        steps=_continuation(planned, targets, wishes, rest) if rest else None,
        notices=[wishes.notify] if wishes.notify else [],
        deadline_s=wishes.deadline_s,
        config=wishes.config,
        facts={SOURCE: planned.facts.remembered} if planned.facts.remembered else {},
    )
    return replace(planned.job, purpose=purpose)


def _continuation(planned: Plan, targets: Mapping[str, Path], wishes: Wishes, rest: Sequence[Step]) -> dict[str, Any]:
    """Return the further steps with all that this command says of them, the places of this step's files included.

    The run may turn out to be one of an earlier command, which had other names and places for the same files.
    """
    source = planned.source
    further = replace(wishes, out=wishes.out / source.below if wishes.out else None)
    return {
        "steps": [{"kind": step.kind, "params": dict(step.params)} for step in rest],
        "wishes": _told(further),
        "called": {
            "source": str(source.shown.absolute()),
            "outputs": {name: str(target.absolute()) for name, target in targets.items()},
        },
    }


def go_on(connection: Connection, run: Run, continuation: Continuation) -> list[str]:
    """Submit the next step of a chain for each fitting output of a run; return the ids of the new runs."""
    steps = [Step(**each) for each in continuation.steps["steps"]]
    wishes = _wishes(continuation.steps["wishes"])
    called = _called(continuation.steps.get("called"))
    sources = next_sources(connection.client.store, run, kind_of(steps[0].kind), called)
    jobs = [errand(each, wishes, steps[1:]) for each in _plans(steps[0], sources, anew=wishes.anew)]
    return [connection.client.submit(job).run for job in jobs]


def _called(told: Mapping[str, Any] | None) -> Called | None:
    """Return what a command calls the files of a run; None where an older version wrote the continuation."""
    if told is None:
        return None
    return Called(source=Path(told["source"]), outputs={name: Path(path) for name, path in told["outputs"].items()})


def group_of(continuation: Continuation) -> str | None:
    """Return the group of the command that asked for a further step."""
    group: str | None = continuation.steps["wishes"]["group"]
    return group


def asked_for(continuation: Continuation, delivery: Delivery) -> Path | None:
    """Return what this command calls the file that a place of a further step is named after.

    None where the place was asked for by another command: the run may have been done for that one before.
    """
    called = _called(continuation.steps.get("called"))
    if called is None:
        return Path(delivery.target)
    out = _wishes(continuation.steps["wishes"]).out
    named = (called.source, *called.outputs.values())
    return next(
        (it for it in named if (out or it.parent) / name_after(it, delivery.name) == Path(delivery.target)), None
    )


def _plans(step: Step, sources: Sequence[Source], *, anew: bool) -> list[Plan]:
    plans = []
    for each in plan(kind_of(step.kind), sources, step.params, anew=anew):
        if not isinstance(each, Plan):
            raise each.error
        plans.append(each)
    return plans


def _told(wishes: Wishes) -> dict[str, Any]:
    return {
        "out": str(wishes.out.absolute()) if wishes.out else None,
        "overwrite": wishes.overwrite,
        "tags": list(wishes.tags),
        "group": wishes.group,
        "notify": wishes.notify,
        "deadline_s": wishes.deadline_s,
        "anew": wishes.anew,
        "config": dict(wishes.config),
    }


def _wishes(told: Mapping[str, Any]) -> Wishes:
    return Wishes(**{**told, "out": Path(told["out"]) if told["out"] else None})
