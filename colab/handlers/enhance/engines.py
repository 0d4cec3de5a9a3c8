"""The table of engines that write texts anew, and how to open one. A new engine is a file and a line here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from colab.handlers.enhance.engine import Writer
from colab.models import Models
from protocol.errors import JobFailed

logger = logging.getLogger(__name__)

ANY_MODEL = "auto"
"""Who asks for no model in particular gets the best that is here: nothing is downloaded for that."""


def _llm(models: Models) -> Writer:
    from colab.handlers.enhance.llm import LanguageModel

    return LanguageModel(models, device=models.provider)


def _rules(_: Models) -> Writer:
    from colab.handlers.enhance.rules import Rules

    return Rules()


ENGINES: dict[str, Callable[[Models], Writer]] = {"llm": _llm, "rules": _rules}
"""Every engine, best first. Opening one raises `JobFailed` UNSUPPORTED when it cannot work here, and loads no model."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Who writes, and why not who would have been better."""

    engine: Writer
    passed_over: tuple[str, ...] = ()


def available(models: Models) -> tuple[Writer, ...]:
    """Return the engines that work here, those that are ready first, then those whose files have to be fetched."""
    found = []
    for name in ENGINES:
        with suppress(JobFailed):
            engine = ENGINES[name](models)
            engine.pick(ANY_MODEL)
            _check_reach(models, engine)
            found.append(engine)
    return tuple(sorted(found, key=lambda engine: bool(_lacking(models, engine))))


def open_engine(models: Models, required: str | None, model: str) -> Chosen:
    """Return the engine required, or the best that is ready here, with the model, its files fetched and verified.

    Files are downloaded for who requires the engine or names a model, not for the default. Raises `JobFailed` with what
    each engine says when none can do it; `passed_over` says what kept a better one from working.
    """
    if required is not None and required not in ENGINES:
        raise JobFailed(f"engine {required!r} is not on this worker; it has: {', '.join(ENGINES)}", code="UNSUPPORTED")
    problems: list[JobFailed] = []
    for name in [required] if required else ENGINES:
        try:
            engine = ENGINES[name](models)
            engine.pick(model)
            _fetch(models, engine, wanted=required is not None or model != ANY_MODEL)
        except JobFailed as problem:
            problems.append(problem)
            logger.info("the engine %s is not used: %s", name, problem)
        else:
            return Chosen(engine=engine, passed_over=tuple(map(str, problems)))
    raise JobFailed("; ".join(map(str, problems)), code=problems[0].code)


def _fetch(models: Models, engine: Writer, *, wanted: bool) -> None:
    lacking = _lacking(models, engine)
    if lacking and not wanted:
        raise JobFailed(
            f"the model of the engine {engine.name} is not here ({lacking[0]} and {len(lacking) - 1} more files): "
            "--require-engine llm fetches it",
            code="UNSUPPORTED",
        )
    _check_reach(models, engine)
    for file in engine.files():
        models.path(file)


def _lacking(models: Models, engine: Writer) -> list[str]:
    return [file for file in engine.files() if not models.present(file)]


def _check_reach(models: Models, engine: Writer) -> None:
    """Raise `JobFailed` UNSUPPORTED for an engine whose files are neither here nor to be had."""
    if models.offline and (lacking := _lacking(models, engine)):
        raise JobFailed(
            f"the engine {engine.name} lacks {lacking[0]}, and this worker is offline: let it go online once, or put "
            "the files into its models folder",
            code="UNSUPPORTED",
        )
