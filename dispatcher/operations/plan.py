"""From a source and what is wanted of it to a job, with all that can be wrong said before anything is sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dispatcher.jobs.job import Job
from dispatcher.operations.sources import MEDIA_NAMES, Facts, Source, WrongSort, expected, look_at_all
from dispatcher.operations.targets import name_after
from protocol.errors import MediaError, UsageError
from protocol.kinds import KINDS
from protocol.kinds.kind import SOURCE, Kind
from usertext.problems import clause, did_you_mean, not_one_of

WALL_S = 7 * 24 * 3600.0
"""How long one job may take: a film of an hour on a slow machine takes days."""

QUEUE_S = 7 * 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One job to be done, and what its outputs are called."""

    source: Source
    facts: Facts
    job: Job
    names: Mapping[str, str]  # result path → file name

    def targets(self, out: Path | None) -> dict[str, Path]:
        """Return where each output goes: beside the source, or below `out` as the source lay in its folder."""
        folder = self.source.shown.parent if out is None else out / self.source.below
        return {path: folder / name for path, name in self.names.items()}

    def whole_named(self) -> Plan:
        """Return the plan with its source's suffix in the names of its outputs."""
        name = self.source.called_name
        return replace(self, names={path: name_after(Path(f"{name}.of"), path) for path in self.names})


def apart(plans: Sequence[Plan], out: Path | None = None) -> list[Plan]:
    """Return the plans with names of their own: those that would share one keep their source's suffix in it.

    What is made of live.jpg and live.mp4, side by side, is called live.jpg.analysis.json and live.mp4.analysis.json.
    """
    count = Counter(place for each in plans for place in _places(each, out))
    named = [each.whole_named() if any(count[it] > 1 for it in _places(each, out)) else each for each in plans]
    return named if named == list(plans) else apart(named, out)  # a new name may be another's


def _places(plan: Plan, out: Path | None) -> set[str]:
    return {str(place).casefold() for place in plan.targets(out).values()}


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """A source that cannot be used, or that does not go with what is wanted."""

    source: Source
    error: MediaError | UsageError
    expected: frozenset[str] = MEDIA_NAMES  # endings of names behind which there should have been something

    @property
    def may_be_left_alone(self) -> bool:
        """Say whether nobody asked for this very file: it was found in a folder, and is another sort or nothing."""
        nothing = isinstance(self.error, MediaError) and self.source.path.suffix.casefold() not in self.expected
        return not self.source.named and (isinstance(self.error, WrongSort) or nothing)


def plan(
    kind: Kind,
    sources: Sequence[Source],
    raw: Mapping[str, Any],
    *,
    engine: str | None = None,
    anew: bool = False,
    on_look: Callable[[int], None] = lambda _looked_at: None,
) -> Iterator[Plan | Misfit]:
    """Yield the plan for each source, or why there is none. `on_look` is told how many were looked at."""
    for number, (source, facts) in enumerate(look_at_all(sources, kind), 1):
        on_look(number)
        try:
            if isinstance(facts, MediaError):
                raise facts
            yield _plan(kind, source, facts, raw, engine, anew)
        except (MediaError, UsageError) as error:
            yield Misfit(source=source, error=error, expected=expected(kind))


def _plan(kind: Kind, source: Source, facts: Facts, raw: Mapping[str, Any], engine: str | None, anew: bool) -> Plan:
    suited = _suit(kind, source, facts, raw)
    params = checked(kind, suited)
    _check_size(kind, source, facts, params)
    job = Job(
        kind=kind.name,
        params=suited,
        inputs={SOURCE: source.path},
        require_engine=engine,
        wall_s=WALL_S,
        queue_s=QUEUE_S,
        anew=anew,
    )
    names = {path: name_after(source.shown, path) for path in kind.outputs(params)}
    return Plan(source=source, facts=facts, job=job, names=names)


def _suit(kind: Kind, source: Source, facts: Facts, raw: Mapping[str, Any]) -> dict[str, Any]:
    if kind.fit is None:
        return dict(raw)
    try:
        return dict(kind.fit(raw, facts.what, facts.container))
    except ValidationError as error:
        raise UsageError(f"{source.path}: {_problems(error, kind, option_of)}") from error
    except ValueError as error:
        raise UsageError(f"{source.path}: {error}") from error


def _check_size(kind: Kind, source: Source, facts: Facts, params: Any) -> None:
    if kind.sized is not None and facts.size is not None:
        try:
            kind.sized(params, facts.size)
        except ValueError as error:
            raise UsageError(f"{source.path}: {error}") from error


def checked(kind: Kind, raw: Mapping[str, Any], spell: Callable[[str], str] | None = None, where: str = "") -> Any:
    """Return checked parameters. Raises UsageError that lists every problem.

    `spell` returns how the user writes a parameter's name; `where` says what they wrote it in, if not a command line.
    """
    try:
        return kind.params.model_validate(dict(raw))
    except ValidationError as error:
        told = _problems(error, kind, spell or option_of)
        raise UsageError(f"{where}: {told}" if where else told) from error


def _problems(error: ValidationError, kind: Kind, spell: Callable[[str], str]) -> str:
    """Return what is wrong in words of ours; what only follows from another problem is left out."""
    told: dict[str, str] = {}
    for each in error.errors():
        place = spell(str(each["loc"][0])) if each["loc"] else ""
        told.setdefault(f"{place}: " if place else "", _problem(each, place, kind, spell))
    return "; ".join(f"{place}{text}" for place, text in told.items())


def _problem(error: Mapping[str, Any], place: str, kind: Kind, spell: Callable[[str], str]) -> str:
    more = error.get("ctx", {})
    match error["type"]:
        case "literal_error":
            return not_one_of(error["input"], re.findall(r"'([^']*)'", more["expected"]))
        case "tuple_type":
            return "takes several values: a tuple or a list of them"
        case "extra_forbidden":
            options = [spell(name) for name in kind.params.model_fields]
            return f"is not an option of {kind.name}{did_you_mean(place, options)}"
    return clause(error["type"], error["msg"], more, error.get("input"))


def option_of(field: str) -> str:
    """Return the command line's option for a parameter."""
    return f"--{field.replace('_', '-')}"


def kind_of(name: str) -> Kind:
    """Return a kind of the table."""
    return KINDS[name]
