"""The kinds that work on files, as calls: `upscale(gpu, "clip.mp4", scale=2).save("big/")`.

What a command does to its files, these do, by the same plans; chains, tags and notices are of the command line.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, ParamSpec, get_type_hints

from pydantic import BaseModel

from dispatcher.connection import Connection
from dispatcher.operations.batch import Made, NotMade, OnProgress, run
from dispatcher.operations.plan import Plan, apart, checked, kind_of, plan
from dispatcher.operations.sources import Source, find
from protocol.errors import GpudropError

P = ParamSpec("P")


class SomeFailed(GpudropError):
    """Some files of a batch could not be done; `failed` says which and why. The others are done."""

    def __init__(self, failed: Mapping[Path, GpudropError]) -> None:
        self.failed = dict(failed)
        lines = [f"  {path}: {error}" for path, error in failed.items()]
        super().__init__("\n".join([f"{len(failed)} file(s) could not be done:", *lines]))


def _signature(params: Callable[..., BaseModel]) -> inspect.Signature:
    """Return what a call takes, as `inspect` and an editor's help show it: the kind's own parameters, by name."""
    first = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY, annotation=annotation)
        for name, annotation in (("gpu", Connection), ("file", str | Path))
    ]
    hints = get_type_hints(params)  # without what pydantic has to know beside the types
    own = inspect.signature(params).parameters.values()
    named = [each.replace(annotation=hints.get(each.name, each.annotation)) for each in own]
    return inspect.Signature([*first, *named], return_annotation=Made)


class Operation(Generic[P]):
    """One kind of work on files. Its options are the fields of the kind's parameters, by name."""

    def __init__(
        self,
        kind: str,
        params: Callable[P, BaseModel],
        *,
        engine: str | None = None,
        timeout_s: float | None = None,
        is_anew: bool = False,
    ) -> None:
        self.kind = kind
        self._params, self._engine, self._timeout_s, self._is_anew = params, engine, timeout_s, is_anew
        self.__signature__ = _signature(params)

    def by(self, engine: str) -> Operation[P]:
        """Return the same operation, done by this engine or not at all."""
        return self._with(engine=engine)

    def within(self, timeout_s: float) -> Operation[P]:
        """Return the same operation; what takes longer is cancelled, on the worker too, and raises JobTimeout."""
        return self._with(timeout_s=timeout_s)

    def anew(self) -> Operation[P]:
        """Return the same operation, done again although a result is kept."""
        return self._with(is_anew=True)

    def _with(self, **how: Any) -> Operation[P]:
        kept = {"engine": self._engine, "timeout_s": self._timeout_s, "is_anew": self._is_anew}
        return Operation(self.kind, self._params, **{**kept, **how})

    def __call__(self, gpu: Connection, file: str | Path, /, *args: P.args, **options: P.kwargs) -> Made:
        """Have one file done and return what was made of it. Raises what went wrong."""
        failed: dict[Path, GpudropError] = {}
        plans = self._plans([Source(path=Path(file))], self._raw(*args, **options), failed)
        outcomes = list(
            run(gpu, plans, timeout_s=self._timeout_s)
        )  # to its end: what the work left in a private drop is removed there
        if not outcomes:
            raise failed[Path(file)]
        [outcome] = outcomes
        if isinstance(outcome, NotMade):
            raise outcome.error
        return outcome

    def each(
        self,
        gpu: Connection,
        files: Iterable[str | Path],
        on_progress: OnProgress = lambda _path, _progress: None,
        /,
        *args: P.args,
        **options: P.kwargs,
    ) -> Iterator[Made]:
        """Have many files, folders or patterns done, yielding each when it is there; the next ones are on their way.

        `on_progress(file, progress)` is told how each one stands. Raises SomeFailed after the last, if any failed.
        """
        raw = self._raw(*args, **options)
        failed: dict[Path, GpudropError] = {}
        plans = apart([*self._plans(find(files), raw, failed)])
        for outcome in run(gpu, plans, timeout_s=self._timeout_s, on_progress=on_progress):
            if isinstance(outcome, NotMade):
                failed[outcome.source] = outcome.error
            else:
                yield outcome
        if failed:
            raise SomeFailed(failed)

    def _raw(self, *args: P.args, **options: P.kwargs) -> dict[str, Any]:
        checked(kind_of(self.kind), dict(options), str, self.kind)
        return self._params(*args, **options).model_dump(mode="json", exclude_unset=True)

    def _plans(
        self, sources: Sequence[Source], raw: Mapping[str, Any], failed: dict[Path, GpudropError]
    ) -> Iterator[Plan]:
        for each in plan(kind_of(self.kind), sources, raw, engine=self._engine, anew=self._is_anew):
            if isinstance(each, Plan):
                purpose = replace(each.job.purpose, deadline_s=self._timeout_s)
                yield replace(each, job=replace(each.job, purpose=purpose))
            elif not each.may_be_left_alone:
                failed[each.source.path] = each.error
