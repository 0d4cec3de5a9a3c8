"""The table of recognisers, and which of them does a job. A new one is a file of its own and a line in the table."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from colab.handlers.transcribe import whisper_files
from colab.handlers.transcribe.engine import Recogniser
from colab.models import Models
from protocol.errors import JobFailed
from protocol.kinds.transcribe import LANGUAGES, Params
from protocol.messages import Choices

logger = logging.getLogger(__name__)

WHISPER, SPHINX = "faster-whisper", "pocketsphinx"

PULL = "gpudrop models pull whisper-small"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Who listens, and why not those that would have been better."""

    engine: Recogniser
    passed_over: tuple[str, ...] = ()


def _whisper(models: Models, params: Params, required: bool) -> Chosen:
    """Open the model asked for, or the best that is here and fits: nothing is downloaded for who names none."""
    named = params.model != "auto"
    if named:
        _check_known(models, params.model)
    names = [params.model] if named else _order(models, params)
    here = whisper_files.at_hand(models, names)
    if not here and not named and not required:
        raise JobFailed(f"no Whisper model is on this worker: {PULL}", code="UNSUPPORTED")
    known = [name for name in here or names if whisper_files.model_files(models, name)]
    if not known:
        raise JobFailed(f"no model file of Whisper {names[0]} is known here", code="UNSUPPORTED")
    if not here:
        _fetch(models, known[0])
    return _fitting(models, known if here else known[:1])


def _fetch(models: Models, name: str) -> None:
    """Have the files of a model here. Raises `JobFailed` with the hint, before any download for what is no file."""
    from colab.handlers.transcribe.whisper_place import expected

    expected(models.provider)
    called = whisper_files.full_name(name)
    try:
        models.folder(called)
    except JobFailed as problem:
        if problem.code != "UNSUPPORTED" or called == name:  # an owner's model cannot be pulled
            raise
        hint = f"Where there is a network, all its files come by: gpudrop models pull {called}"
        raise JobFailed(f"{problem}. {hint}", code=problem.code) from problem


def _check_known(models: Models, name: str) -> None:
    """Refuse what is no Whisper: a job must not have a worker load any other file of its table."""
    if name not in (known := whisper_files.names(models)):
        raise JobFailed(
            f"no Whisper model {name!r} is known here; there are: {', '.join(known)}. The worker's owner adds others "
            "by gpudrop models add",
            code="UNSUPPORTED",
        )


def _fitting(models: Models, names: Sequence[str]) -> Chosen:
    """Return the first of these models that fits into memory. One that is too large for it is passed over aloud."""
    too_large: list[JobFailed] = []
    for name in names:
        try:
            return Chosen(engine=_resident(models, name), passed_over=tuple(map(str, too_large)))
        except JobFailed as failed:
            if failed.code != "OUT_OF_MEMORY":
                raise
            too_large.append(failed)
            logger.warning("%s", failed)
    raise too_large[-1]


def _sphinx(models: Models, params: Params, required: bool) -> Chosen:
    from colab.handlers.transcribe.sphinx import PocketSphinx

    hint = "; leave --require-engine out, and Whisper is asked" if required else ""  # which else told its own before
    if params.model != "auto":
        raise JobFailed(f"{SPHINX} is no Whisper {params.model}{hint}", code="UNSUPPORTED")
    if params.language not in ("auto", "en"):
        raise JobFailed(f"{SPHINX} hears English only, not {params.language!r}{hint}", code="UNSUPPORTED")
    if params.task == "translate" and params.language != "en":
        raise JobFailed(f"{SPHINX} does not translate{hint}", code="UNSUPPORTED")
    return Chosen(engine=PocketSphinx())


ENGINES: dict[str, Callable[[Models, Params, bool], Chosen]] = {WHISPER: _whisper, SPHINX: _sphinx}
"""Every engine, best first. Opening one raises `JobFailed` when it cannot do the job here."""


def open_engine(models: Models, required: str | None, params: Params) -> Chosen:
    """Return the engine required, or the best that can do the job here, its model loaded.

    Raises `JobFailed` with what each engine says when none can, what helps at the end. Only Whisper is asked for a
    model by its name. `passed_over` says why a better one was not used.
    """
    if required is not None and required not in ENGINES:
        raise JobFailed(
            f"the recogniser {required!r} is not on this worker; it has: {', '.join(ENGINES)}", code="UNSUPPORTED"
        )
    problems: list[JobFailed] = []
    for name in [required] if required else [WHISPER] if params.model != "auto" else ENGINES:
        try:
            chosen = ENGINES[name](models, params, required is not None)
        except JobFailed as problem:
            logger.warning("the recogniser %s is not used: %s", name, problem)
            problems.append(problem)
        else:
            passed_over = (*map(str, problems), *chosen.passed_over)
            return Chosen(engine=chosen.engine, passed_over=tuple(f"{WHISPER}: {each}" for each in passed_over))
    first = problems[0]
    raise JobFailed("; ".join(map(str, reversed(problems))), code=first.code)


def available(models: Models) -> tuple[Recogniser, ...]:
    """Return the engines that can work here without loading or fetching anything: those that are ready first."""
    ready: list[Recogniser] = []
    fetched: list[Recogniser] = []
    with suppress(JobFailed):
        whisper, is_here = _likely(models)
        (ready if is_here else fetched).append(whisper)
    with suppress(JobFailed):
        ready.append(_sphinx(models, Params(), False).engine)
    return (*ready, *fetched)


def choices(models: Models) -> dict[str, Choices]:
    """Return the models and languages of each engine."""
    told: dict[str, Choices] = {}
    for engine in available(models):
        known = tuple(name for name in whisper_files.NAMES if whisper_files.model_files(models, name))
        if engine.name == WHISPER:
            told[WHISPER] = {
                "model": ("auto", "turbo", *known, *whisper_files.owned(models)),
                "language": ("auto", *sorted(LANGUAGES)),
            }
        else:
            told[SPHINX] = {"model": ("auto",), "language": ("auto", "en"), "task": ("transcribe", "translate")}
    return told


def _likely(models: Models) -> tuple[Recogniser, bool]:
    """Return the best Whisper that is at hand and True; else the one that would be fetched and False."""
    from colab.handlers.transcribe.whisper import FasterWhisper

    order = _order(models, Params())
    here = whisper_files.at_hand(models, order)
    fetched = [name for name in order if whisper_files.model_files(models, name)] if not models.offline else []
    if not here and not fetched:
        raise JobFailed("no Whisper can be had here", code="UNSUPPORTED")
    return FasterWhisper(models, (here or fetched)[0]), bool(here)


def _order(models: Models, params: Params) -> list[str]:
    """Return the models in the order in which they suit this machine and the task; the owner's own come last."""
    from colab.handlers.transcribe.whisper_place import expected

    names = whisper_files.NAMES if expected(models.provider).device == "cuda" else whisper_files.ON_A_CPU
    known = [name for name in names if params.task == "transcribe" or name != "large-v3-turbo"]
    return [*known, *whisper_files.owned(models)]


_open: dict[str, Recogniser] = {}
"""The model that is loaded: one at a time, since two may not fit."""


@contextmanager
def unloading_what_fails() -> Iterator[None]:
    """Let go of a model that failed or found no memory: a GPU's state is lost then, and the next job loads anew."""
    try:
        yield
    except JobFailed as failed:
        if failed.code in ("ENGINE", "OUT_OF_MEMORY"):
            _open.clear()
        raise


def _resident(models: Models, name: str) -> Recogniser:
    """Return a model, loaded; the one of the last job where it is the same."""
    from colab.handlers.transcribe.whisper import FasterWhisper

    engine = FasterWhisper(models, name)
    key = f"{name} {models.sha256(whisper_files.entry(name, 'model.bin'))} {models.provider}"
    if key not in _open:
        _open.clear()
        engine.open()
        _open[key] = engine
    return _open[key]
