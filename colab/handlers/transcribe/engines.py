"""The table of recognisers. A new one is a file of its own and a row here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from colab.engines.model_cache import ModelCache
from colab.engines.registry import EngineNotSetUp, EngineRow, EngineTable, Opening
from colab.handlers.transcribe import whisper_files
from colab.handlers.transcribe.engine import Recogniser
from colab.models import Models
from protocol.errors import JobFailed
from protocol.kinds.transcribe import LANGUAGES, Params
from protocol.messages import Choices

if TYPE_CHECKING:
    from colab.handlers.transcribe.whisper import FasterWhisper

log = logging.getLogger(__name__)

WHISPER, SPHINX = "faster-whisper", "pocketsphinx"

PULL = "gpudrop models pull whisper-small"

loaded: ModelCache[Recogniser] = ModelCache()
"""The Whisper in memory: one at a time, since two may not fit."""


def _whisper(opening: Opening[Params]) -> Recogniser:
    """Open the model that is named, or the best one that is here; else the one that would be downloaded."""
    from colab.handlers.transcribe.whisper import FasterWhisper

    models, params = opening.models, opening.job
    names = _names(models, params)
    known = [name for name in names if whisper_files.model_files(models, name)]
    if not known:
        raise EngineNotSetUp(f"no Whisper model is on this worker: {PULL}")
    return FasterWhisper(models, known[0])


def _load_whisper(opening: Opening[Params], first: Recogniser) -> Recogniser:
    """Return the first Whisper that fits into memory. One that does not is passed over and reported."""
    from colab.handlers.transcribe.whisper import FasterWhisper

    models, failures = opening.models, []
    for name in _names(models, opening.job):
        try:
            return _loaded(models, FasterWhisper(models, name))
        except JobFailed as problem:
            if problem.code != "OUT_OF_MEMORY":
                raise
            failures.append(problem)
            opening.passed_over.append(f"{WHISPER}: {problem}")
            log.warning("%s", problem)
    raise failures[-1]


def _loaded(models: Models, engine: FasterWhisper) -> Recogniser:
    """Return a model, loaded; the one of the last job if it is the same."""

    def load() -> Recogniser:
        engine.open()
        return engine

    return loaded.get((engine.model, models.sha256(engine.weights), models.provider), load)


def _names(models: Models, params: Params) -> list[str]:
    """Return the models that a job can be done by, best first: those that are here, or all if none is."""
    names = [params.model] if params.model != "auto" else _order(models, params)
    return whisper_files.at_hand(models, names) or names


def _check_known(models: Models, params: Params) -> None:
    """Refuse what is not a Whisper: a job must not make a worker load any other file of its table."""
    name = params.model
    if name != "auto" and name not in (known := whisper_files.names(models)):
        raise JobFailed(
            f"no Whisper model {name!r} is known here; there are: {', '.join(known)}. The worker's owner adds others "
            "by gpudrop models add",
            code="UNSUPPORTED",
        )


def _order(models: Models, params: Params) -> list[str]:
    """Return the models in the order in which they suit this machine and the task; the owner's own come last."""
    from colab.handlers.transcribe.whisper_place import expected

    names = whisper_files.NAMES if expected(models.provider).device == "cuda" else whisper_files.ON_A_CPU
    known = [name for name in names if params.task == "transcribe" or name != "large-v3-turbo"]
    return [*known, *whisper_files.owned(models)]


def _sphinx(opening: Opening[Params]) -> Recogniser:
    from colab.handlers.transcribe.sphinx import PocketSphinx

    params, hint = opening.job, "; leave out --require-engine to use Whisper" if opening.is_required else ""
    if params.model != "auto":
        raise JobFailed(f"it has no Whisper model {params.model}{hint}", code="UNSUPPORTED")
    if params.language not in ("auto", "en"):
        raise JobFailed(f"it recognises English only, not {params.language!r}{hint}", code="UNSUPPORTED")
    if params.task == "translate" and params.language != "en":
        raise JobFailed(f"it does not translate{hint}", code="UNSUPPORTED")
    return PocketSphinx()


RecogniserTable = EngineTable[Params, Recogniser]

ENGINES: RecogniserTable = EngineTable(
    kind="transcribe",
    any_job=Params(),
    names_model=lambda params: params.model != "auto",
    check_job=_check_known,
    rows=(
        EngineRow(
            name=WHISPER,
            open=_whisper,
            packages=("faster_whisper", "ctranslate2"),
            extra="whisper",
            load=_load_whisper,
        ),
        EngineRow(name=SPHINX, open=_sphinx, suits=lambda params: params.model == "auto"),
    ),
)


def choices(models: Models, engines: RecogniserTable = ENGINES) -> dict[str, Choices]:
    """Return the models and languages of each engine."""
    found: dict[str, Choices] = {}
    for engine in engines.available(models):
        if engine.name == WHISPER:
            known = tuple(name for name in whisper_files.NAMES if whisper_files.model_files(models, name))
            found[WHISPER] = {
                "model": ("auto", "turbo", *known, *whisper_files.owned(models)),
                "language": ("auto", *sorted(LANGUAGES)),
            }
        else:
            found[engine.name] = {"model": ("auto",), "language": ("auto", "en"), "task": ("transcribe", "translate")}
    return found


@contextmanager
def unloading_what_fails() -> Iterator[None]:
    """Release a model that failed or found no memory: a GPU's state is lost then, and the next job loads it again."""
    try:
        yield
    except JobFailed as failed:
        if failed.code in ("ENGINE", "OUT_OF_MEMORY"):
            loaded.clear()
        raise
