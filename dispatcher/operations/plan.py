"""Plans: what is done with a source and where its outputs go. All mistakes are reported before anything is sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dispatcher.jobs.job import Job
from dispatcher.operations.sources import (
    MEDIA_SUFFIXES,
    Source,
    SourceFacts,
    WrongMediaType,
    examine_all,
    usable_suffixes,
)
from dispatcher.operations.targets import name_after
from protocol.errors import MediaError, UsageError
from protocol.kinds import KINDS
from protocol.kinds.kind import SOURCE, Kind
from usertext.problems import clause, did_you_mean, not_one_of

WALL_S = 7 * 24 * 3600.0
"""The longest time for one job: an hour of film on a slow machine takes days."""

QUEUE_S = 7 * 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One job to be done, and where its outputs go."""

    source: Source
    facts: SourceFacts
    job: Job
    names: Mapping[str, str]  # result path → file name
    out: Path | None = None  # the folder for results; None: beside the source

    @cached_property
    def targets(self) -> Mapping[str, Path]:
        """The target of each output, by result path.

        It is beside the source, or below `out` in the subfolder that the source has below the folder that was named.
        """
        folder = self.source.display_path.parent if self.out is None else self.out / self.source.below
        return {path: folder / name for path, name in self.names.items()}

    def with_suffixes(self) -> Plan:
        """Return the plan with its source's suffix in the names of its outputs."""
        name = self.source.display_name
        return replace(self, names={path: name_after(Path(f"{name}.of"), path) for path in self.names})


def with_distinct_targets(plans: Sequence[Plan]) -> list[Plan]:
    """Return the plans with a different target for each output: those that would share one keep their source's suffix.

    The outputs of live.jpg and live.mp4 in one folder are live.jpg.analysis.json and live.mp4.analysis.json.
    """
    count = Counter(target for each in plans for target in _folded_targets(each))
    named = [each.with_suffixes() if any(count[it] > 1 for it in _folded_targets(each)) else each for each in plans]
    return named if named == list(plans) else with_distinct_targets(named)  # a new name may be taken as well


def _folded_targets(plan: Plan) -> set[str]:
    return {str(target).casefold() for target in plan.targets.values()}


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """A source that the kind cannot use, or for which the parameters are wrong."""

    source: Source
    error: MediaError | UsageError
    expected: frozenset[str] = MEDIA_SUFFIXES  # suffixes of files that should have been usable

    @property
    def may_be_skipped(self) -> bool:
        """Whether the file was only found in a folder, and is of another type or no media file at all."""
        is_no_media = isinstance(self.error, MediaError) and self.source.path.suffix.casefold() not in self.expected
        return not self.source.named and (isinstance(self.error, WrongMediaType) or is_no_media)


def plan(
    kind: Kind,
    sources: Sequence[Source],
    raw: Mapping[str, Any],
    *,
    engine: str | None = None,
    anew: bool = False,
    out: Path | None = None,
    on_look: Callable[[int], None] = lambda _examined: None,
) -> Iterator[Plan | Misfit]:
    """Yield a plan for each source, or why there is none. `on_look` gets the number of sources examined so far."""
    for number, (source, facts) in enumerate(examine_all(sources, kind), 1):
        on_look(number)
        try:
            if isinstance(facts, MediaError):
                raise facts
            job, names = _job(kind, source, facts, raw)
            job = replace(job, require_engine=engine, anew=anew)
            yield Plan(source=source, facts=facts, job=job, names=names, out=out)
        except (MediaError, UsageError) as error:
            yield Misfit(source=source, error=error, expected=usable_suffixes(kind))


def _job(kind: Kind, source: Source, facts: SourceFacts, raw: Mapping[str, Any]) -> tuple[Job, dict[str, str]]:
    """Return the job for a source, and the name of each of its outputs."""
    fitted = _fit(kind, source, facts, raw)
    params = check_params(kind, fitted)
    _check_size(kind, source, facts, params)
    job = Job(kind=kind.name, params=fitted, inputs={SOURCE: source.path}, wall_s=WALL_S, queue_s=QUEUE_S)
    return job, {path: name_after(source.display_path, path) for path in kind.outputs(params)}


def _fit(kind: Kind, source: Source, facts: SourceFacts, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with what the kind derives from the source."""
    if kind.fit is None:
        return dict(raw)
    try:
        return dict(kind.fit(raw, facts.what, facts.container))
    except ValidationError as error:
        raise UsageError(f"{source.path}: {_problems(error, kind, option_of)}") from error
    except ValueError as error:
        raise UsageError(f"{source.path}: {error}") from error


def _check_size(kind: Kind, source: Source, facts: SourceFacts, params: Any) -> None:
    if kind.sized is not None and facts.size is not None:
        try:
            kind.sized(params, facts.size)
        except ValueError as error:
            raise UsageError(f"{source.path}: {error}") from error


def check_params(kind: Kind, raw: Mapping[str, Any], spell: Callable[[str], str] | None = None, where: str = "") -> Any:
    """Return the validated parameters of a kind. Raises UsageError that lists every problem.

    `spell` returns how the user writes a parameter's name; `where` is what they wrote it in, if not a command line.
    """
    try:
        return kind.params.model_validate(dict(raw))
    except ValidationError as error:
        text = _problems(error, kind, spell or option_of)
        raise UsageError(f"{where}: {text}" if where else text) from error


def _problems(error: ValidationError, kind: Kind, spell: Callable[[str], str]) -> str:
    """Return the first problem of each parameter, as text; further ones only follow from it."""
    texts: dict[str, str] = {}
    for each in error.errors():
        name = spell(str(each["loc"][0])) if each["loc"] else ""
        texts.setdefault(f"{name}: " if name else "", _problem(each, name, kind, spell))
    return "; ".join(f"{name}{text}" for name, text in texts.items())


def _problem(error: Mapping[str, Any], name: str, kind: Kind, spell: Callable[[str], str]) -> str:
    more = error.get("ctx", {})
    match error["type"]:
        case "literal_error":
            return not_one_of(error["input"], re.findall(r"'([^']*)'", more["expected"]))
        case "tuple_type":
            return "takes several values: a tuple or a list of them"
        case "extra_forbidden":
            return (
                f"is not an option of {kind.name}{did_you_mean(name, [spell(it) for it in kind.params.model_fields])}"
            )
    return clause(error["type"], error["msg"], more, error.get("input"))


def option_of(field: str) -> str:
    """Return the command line option for a parameter."""
    return f"--{field.replace('_', '-')}"


def kind_of(name: str) -> Kind:
    """Return a kind by name."""
    return KINDS[name]
