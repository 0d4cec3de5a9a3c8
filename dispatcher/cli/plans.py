"""What a command of a kind is asked to do, and the plan of every file: all errors are found before any work starts."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dispatcher.cli.options import KindOptions
from dispatcher.cli.outcome import Reporter
from dispatcher.config import Settings
from dispatcher.connection import BACKENDS
from dispatcher.operations.outputs import is_reference, referred
from dispatcher.operations.plan import Misfit, Plan, check_params, plan, with_distinct_targets
from dispatcher.operations.sources import Source, find
from dispatcher.runs.store import RunStore
from dispatcher.runs.tags import check_tags
from protocol.errors import NotFoundError, UsageError
from protocol.kinds.kind import Kind
from usertext.problems import not_one_of

MANY = 20
"""From this many files on, checking them takes a while and is shown as a stage."""


@dataclass(frozen=True, kw_only=True)
class KindRequest(KindOptions):
    """One command of a kind, with its options. `params` holds only the parameters that were given."""

    kind: Kind
    params: Mapping[str, Any]
    command: str = ""  # as it was typed

    @property
    def is_local(self) -> bool:
        """Return whether a worker that this command starts does the work."""
        return self.backend == "local"

    @property
    def is_forced(self) -> bool:
        """Return whether the work is done again even if there is a result."""
        return self.force or self.anew

    def check(self) -> None:
        """Raise UsageError for options that are wrong whatever the files."""
        if self.backend not in BACKENDS:
            raise UsageError(f"--backend: {not_one_of(self.backend, BACKENDS)}")
        if self.drop is not None and self.is_local:
            raise UsageError("--drop names a shared folder, but the work is done on this machine: add --backend colab")
        check_params(self.kind, self.params)
        check_tags(self.tag)


def plans_of(request: KindRequest, reporter: Reporter) -> list[Plan]:
    """Return the plan of every usable file, and report why the others are not used.

    Raises NotFoundError if there is nothing to do, UsageError if two results would get the same name.
    """
    plans = with_distinct_targets([*_without_results(_usable(request, reporter), reporter)])
    for path, error in reporter.outcome.failed.items():
        reporter.show_failure(path, error)
    if reporter.outcome.unsuitable:
        number = len(reporter.outcome.unsuitable)
        reporter.display.say(f"skipped {number} file(s) in the folders that {request.kind.name} does not take")
    if reporter.outcome.results:
        reporter.display.say(f"skipped {len(reporter.outcome.results)} file(s) that are results of other files here")
    if not plans and not reporter.outcome.failed:
        raise NotFoundError(f"nothing to {request.kind.name} in {', '.join(request.files)}")
    _check_names(plans)
    return plans


def _usable(request: KindRequest, reporter: Reporter) -> list[Plan]:
    plans = []
    for each in _look(request, reporter):
        if isinstance(each, Plan):
            plans.append(each)
        elif each.may_be_skipped:
            reporter.outcome.unsuitable.append(each.source.path)
        else:
            reporter.outcome.failed[each.source.path] = each.error
    return plans


def _look(request: KindRequest, reporter: Reporter) -> Iterator[Plan | Misfit]:
    sources = _sources(request)
    with contextlib.ExitStack() as stack:
        on_look: Callable[[int], None] = _ignore
        if len(sources) >= MANY:
            stage = stack.enter_context(reporter.display.stage(f"checking {len(sources)} files"))
            on_look = functools.partial(stage.update, total=len(sources))
        yield from plan(
            request.kind,
            sources,
            request.params,
            engine=request.require_engine,
            anew=request.is_forced,
            out=request.out,
            on_look=on_look,
        )


def _ignore(_number: int) -> None:
    """Show no progress: few files take no time."""


def _sources(request: KindRequest) -> list[Source]:
    """Return the named files and the outputs of the named runs."""
    references = [name for name in request.files if is_reference(name)]
    sources = find([name for name in request.files if not is_reference(name)])
    if references:
        settings = Settings()
        with RunStore.open(settings.database, durability=settings.durability) as store:
            sources += [source for name in references for source in referred(store, name, request.kind)]
    return sources


def _without_results(plans: Sequence[Plan], reporter: Reporter) -> Iterator[Plan]:
    """Skip files that an earlier command made from another of these files, as `*.jpg` matches them too."""
    namings = [it for each in plans for it in (each, each.with_suffixes())]
    made_of_others = {place.resolve() for each in namings for place in each.targets.values()}
    for each in plans:
        if each.source.path.resolve() in made_of_others and len(plans) > 1:
            reporter.outcome.results.append(each.source.path)
        else:
            yield each


def _check_names(plans: Sequence[Plan]) -> None:
    """Raise UsageError if two sources would get results of the same name, or a result would replace its source."""
    seen: dict[str, Path] = {}
    for each in plans:
        for place in each.targets.values():
            other = seen.setdefault(str(place).casefold(), each.source.path)
            if other != each.source.path:
                raise UsageError(
                    f"{other} and {each.source.path} would both become {place}: use two commands with different "
                    "folders (--out)"
                )
            if place.resolve() == each.source.path.resolve():
                raise UsageError(f"{place} would overwrite its own source: name another folder with --out")
