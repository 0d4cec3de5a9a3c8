"""Before any work of a kind: what was named is found and looked at, and every file gets a plan or an error."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dispatcher.cli.asked import Asked
from dispatcher.cli.done import Teller
from dispatcher.config import Settings
from dispatcher.operations.outputs import is_reference, referred
from dispatcher.operations.plan import Misfit, Plan, plan, with_distinct_targets
from dispatcher.operations.sources import Source, find
from dispatcher.runs.store import RunStore
from protocol.errors import NotFoundError, UsageError

MANY = 20
"""From so many files on, looking at them is shown: it takes a while."""


def plans_of(asked: Asked, teller: Teller) -> list[Plan]:
    """Return the plan of every file that can be worked on; of the others is told why not.

    Raises NotFoundError where there is nothing to do, UsageError where two results would get one name.
    """
    plans = with_distinct_targets([*_without_results(_fitting(asked, teller), teller)])
    for path, error in teller.done.failed.items():
        teller.tell_failure(path, error)
    if teller.done.left_alone:
        number = len(teller.done.left_alone)
        teller.display.say(f"{number} file(s) in the folders are of no use for {asked.kind.name}: left alone")
    if teller.done.results:
        teller.display.say(f"{len(teller.done.results)} file(s) are results of others here: left alone")
    if not plans and not teller.done.failed:
        raise NotFoundError(f"nothing to {asked.kind.name} in {', '.join(asked.files)}")
    _check_names(plans)
    return plans


def _fitting(asked: Asked, teller: Teller) -> list[Plan]:
    plans = []
    for each in _look(asked, teller):
        if isinstance(each, Plan):
            plans.append(each)
        elif each.may_be_skipped:
            teller.done.left_alone.append(each.source.path)
        else:
            teller.done.failed[each.source.path] = each.error
    return plans


def _look(asked: Asked, teller: Teller) -> Iterator[Plan | Misfit]:
    sources = _sources(asked)
    with contextlib.ExitStack() as stack:
        looked: Callable[[int], None] = _unshown
        if len(sources) >= MANY:
            stage = stack.enter_context(teller.display.stage(f"looking at {len(sources)} files"))
            looked = functools.partial(stage.update, total=len(sources))
        yield from plan(
            asked.kind,
            sources,
            asked.params,
            engine=asked.require_engine,
            anew=asked.anew,
            out=asked.out,
            on_look=looked,
        )


def _unshown(_number: int) -> None:
    """Show nothing: it takes no time."""


def _sources(asked: Asked) -> list[Source]:
    """Return what was named: files here, and outputs of earlier runs."""
    references = [name for name in asked.files if is_reference(name)]
    sources = find([name for name in asked.files if not is_reference(name)])
    if references:
        settings = Settings()
        with RunStore.open(settings.database, durability=settings.durability) as store:
            sources += [source for name in references for source in referred(store, name, asked.kind)]
    return sources


def _without_results(plans: Sequence[Plan], teller: Teller) -> Iterator[Plan]:
    """Leave out what an earlier command made of another of these files: `*.jpg` names it too."""
    called = [it for each in plans for it in (each, each.with_suffixes())]
    made_of_others = {place.resolve() for each in called for place in each.targets.values()}
    for each in plans:
        if each.source.path.resolve() in made_of_others and len(plans) > 1:
            teller.done.results.append(each.source.path)
        else:
            yield each


def _check_names(plans: Sequence[Plan]) -> None:
    """Raise UsageError when two sources would get results of one name, or a result would take its source's place."""
    seen: dict[str, Path] = {}
    for each in plans:
        for place in each.targets.values():
            other = seen.setdefault(str(place).casefold(), each.source.path)
            if other != each.source.path:
                raise UsageError(
                    f"{other} and {each.source.path} would both become {place}: name them in two commands, each "
                    "with a folder of its own (--out)"
                )
            if place.resolve() == each.source.path.resolve():
                raise UsageError(f"{place} would be written over itself: name another folder with --out")
