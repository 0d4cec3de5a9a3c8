"""The kinds that work on files, as functions: `upscale(gpu, "clip.mp4", scale=2).save("big/")`.

They use the same plans as the commands. Chains, tags and notices exist on the command line only.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, get_type_hints

from pydantic import BaseModel

from dispatcher.connection import Connection
from dispatcher.operations.batch import OnProgress, OperationFailure, OperationResult, run
from dispatcher.operations.plan import Plan, check_params, kind_of, plan, with_distinct_targets
from dispatcher.operations.sources import Source, find
from protocol.errors import GpudropError
from protocol.kinds import KINDS
from protocol.kinds import analyze as _analyze
from protocol.kinds import encode as _encode
from protocol.kinds import enhance as _enhance
from protocol.kinds import stabilize as _stabilize
from protocol.kinds import transcribe as _transcribe
from protocol.kinds import upscale as _upscale

P = ParamSpec("P")


class SomeFailed(GpudropError):
    """Some files of a batch failed; `failed` has the error of each. The others are done."""

    def __init__(self, failed: Mapping[Path, GpudropError]) -> None:
        self.failed = dict(failed)
        lines = [f"  {path}: {error}" for path, error in failed.items()]
        super().__init__("\n".join([f"{len(failed)} file(s) failed:", *lines]))


def _ignore(_path: Path, _progress: object) -> None:
    """Ignore progress."""


class Operation(Generic[P]):
    """One kind of work on files. Its options are the fields of the kind's parameters, by name.

    `each` does many files: see `EachFile`.
    """

    def __init__(
        self,
        kind: str,
        params: Callable[P, BaseModel],
        *,
        engine: str | None = None,
        timeout_s: float | None = None,
        is_anew: bool = False,
    ) -> None:
        self.kind, self.timeout_s = kind, timeout_s
        self._params, self._engine, self._is_anew = params, engine, is_anew
        self.each: EachFile[P] = EachFile(self, params)
        self.__signature__ = _signature(params, {"gpu": Connection, "file": str | Path}, OperationResult)

    def by(self, engine: str) -> Operation[P]:
        """Return the same operation, done by this engine only."""
        return self._with(engine=engine)

    def within(self, timeout_s: float) -> Operation[P]:
        """Return the same operation; a job that takes longer is cancelled, on the worker too, and raises JobTimeout."""
        return self._with(timeout_s=timeout_s)

    def anew(self) -> Operation[P]:
        """Return the same operation, done again even if a result is cached."""
        return self._with(is_anew=True)

    def _with(self, **changed: Any) -> Operation[P]:
        options = {"engine": self._engine, "timeout_s": self.timeout_s, "is_anew": self._is_anew}
        return Operation(self.kind, self._params, **{**options, **changed})

    def __call__(self, gpu: Connection, file: str | Path, /, *args: P.args, **options: P.kwargs) -> OperationResult:
        """Do one file and return its result. Raises the error of a file that fails."""
        plans, failed = self.plans([Source(path=Path(file))], *args, **options)
        outcomes = list(run(gpu, plans, timeout_s=self.timeout_s))  # to its end, where it cleans a private drop
        if not outcomes:
            raise failed[Path(file)]
        [outcome] = outcomes
        if isinstance(outcome, OperationFailure):
            raise outcome.error
        return outcome

    def plans(
        self, sources: Sequence[Source], *args: P.args, **options: P.kwargs
    ) -> tuple[list[Plan], dict[Path, GpudropError]]:
        """Return a plan for each source that can be used, and the errors of the others."""
        check_params(kind_of(self.kind), dict(options), str, self.kind)
        raw = self._params(*args, **options).model_dump(mode="json", exclude_unset=True)
        plans, failed = list[Plan](), dict[Path, GpudropError]()
        for each in plan(kind_of(self.kind), sources, raw, engine=self._engine, anew=self._is_anew):
            if isinstance(each, Plan):
                purpose = replace(each.job.purpose, deadline_s=self.timeout_s)
                plans.append(replace(each, job=replace(each.job, purpose=purpose)))
            elif not each.may_be_skipped:
                failed[each.source.path] = each.error
        return plans, failed


class EachFile(Generic[P]):
    """Do many files, folders or patterns: yields each result when it is there, while the next jobs are under way.

    `on_progress(file, progress)` is called as each one progresses. Raises SomeFailed after the last if any failed.
    """

    def __init__(self, operation: Operation[P], params: Callable[P, BaseModel]) -> None:
        self._operation = operation
        first = {"gpu": Connection, "files": Iterable[str | Path], "on_progress": OnProgress}
        self.__signature__ = _signature(params, first, Iterator[OperationResult], optional={"on_progress": _ignore})

    def __call__(
        self,
        gpu: Connection,
        files: Iterable[str | Path],
        on_progress: OnProgress = _ignore,
        /,
        *args: P.args,
        **options: P.kwargs,
    ) -> Iterator[OperationResult]:
        """Do the files; see the class."""
        plans, failed = self._operation.plans(find(files), *args, **options)
        timeout_s = self._operation.timeout_s
        for outcome in run(gpu, with_distinct_targets(plans), timeout_s=timeout_s, on_progress=on_progress):
            if isinstance(outcome, OperationFailure):
                failed[outcome.source] = outcome.error
            else:
                yield outcome
        if failed:
            raise SomeFailed(failed)


def _signature(
    params: Callable[..., BaseModel], first: Mapping[str, Any], returns: Any, optional: Mapping[str, Any] | None = None
) -> inspect.Signature:
    """Return the signature that `inspect` and an editor show: the kind's own parameters by name, after `first`."""
    defaults = optional or {}
    leading = [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_ONLY,
            annotation=annotation,
            default=defaults.get(name, inspect.Parameter.empty),
        )
        for name, annotation in first.items()
    ]
    hints = get_type_hints(params)  # without the metadata for pydantic
    own = inspect.signature(params).parameters.values()
    named = [each.replace(annotation=hints.get(each.name, each.annotation)) for each in own]
    return inspect.Signature([*leading, *named], return_annotation=returns)


analyze = Operation("analyze", _analyze.Params)
encode = Operation("encode", _encode.Params)
enhance = Operation("enhance", _enhance.Params)
stabilize = Operation("stabilize", _stabilize.Params)
transcribe = Operation("transcribe", _transcribe.Params)
upscale = Operation("upscale", _upscale.Params)

if not TYPE_CHECKING:  # a type checker knows the operations above, and reports any other name

    def __getattr__(name: str) -> Any:
        """Return the operation of any other kind that takes a file."""
        kind = KINDS.get(name)
        if kind is None or not kind.takes:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = Operation(kind.name, kind.params)
        return globals()[name]
