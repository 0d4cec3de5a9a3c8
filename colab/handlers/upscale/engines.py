"""The table of upscaling engines, and how to open one. A new engine is a file of its own and a line here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from colab.handlers.upscale.engine import Engine
from colab.models import Models
from media.ffmpeg import Ffmpeg
from protocol.errors import JobFailed

logger = logging.getLogger(__name__)

AUTO = "auto"
NO_NETWORK = "lanczos"

KNOWN = {
    "x4plus": "realesrgan-x4plus",
    "x2plus": "realesrgan-x2plus",
    "x4plus-anime": "realesrgan-x4plus-anime",
    "animevideov3": "realesr-animevideov3",
    "general-x4v3": "realesr-general-x4v3",
    "general-wdn-x4v3": "realesr-general-wdn-x4v3",
}
"""What users call a model → its file in the table of models. Any other name is that of a file that the owner added."""

BEST = {
    "film": ("realesr-general-x4v3", "realesr-animevideov3", "realesrgan-x4plus", "realesrgan-x4plus-anime"),
    "picture": ("realesrgan-x4plus", "realesr-general-x4v3", "realesrgan-x4plus-anime", "realesr-animevideov3"),
}
"""Which model takes what, best first, when none is named: quick ones for films, thorough ones for pictures."""


def _realesrgan(models: Models, model: str, ffmpeg: Ffmpeg) -> Engine:
    from colab.handlers.upscale.realesrgan import RealEsrgan

    return RealEsrgan(models, model)


def _lanczos(models: Models, model: str, ffmpeg: Ffmpeg) -> Engine:
    from colab.handlers.upscale.lanczos import Lanczos

    return Lanczos(ffmpeg)


ENGINES: dict[str, Callable[[Models, str, Ffmpeg], Engine]] = {"realesrgan": _realesrgan, "ffmpeg-lanczos": _lanczos}
"""Every engine, best first. Opening one raises `JobFailed` UNSUPPORTED when it cannot work here.

An opener loads no model and fetches no file: a worker's card is made by it.
"""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Who does it, and why not those that would have been better."""

    engine: Engine
    passed_over: tuple[str, ...] = ()


def available(models: Models, ffmpeg: Ffmpeg) -> tuple[Engine, ...]:
    """Return the engines that work here: the best of those that are ready first, then what has to be fetched."""
    local = _local(models, "picture")
    model = local or BEST["picture"][0]
    found: list[Engine] = []
    for name, opener in ENGINES.items():
        with suppress(JobFailed):
            if name == "realesrgan" and local is None and models.offline:
                continue
            found.append(opener(models, model, ffmpeg))
    return tuple(sorted(found, key=lambda engine: engine.name == "realesrgan" and local is None))


def open_engine(models: Models, ffmpeg: Ffmpeg, *, required: str | None, model: str, what: str) -> Chosen:
    """Return the engine required or the one whose model is named, its files fetched; else the best that is here.

    A named model is never replaced: `JobFailed` UNSUPPORTED says why it cannot be used. Nothing is downloaded for
    `auto`; what keeps the network from working is in `passed_over`.
    """
    if required is not None and required not in ENGINES:
        raise JobFailed(
            f"the upscaling engine {required!r} is not on this worker; it has: {', '.join(ENGINES)}", code="UNSUPPORTED"
        )
    if model == NO_NETWORK or (required == "ffmpeg-lanczos" and model == AUTO):
        return Chosen(engine=_of_network(required, models, ffmpeg))
    if required == "ffmpeg-lanczos":
        raise JobFailed(f"{required} has no model {model!r}; ask for auto or lanczos", code="BAD_REQUEST")
    if model != AUTO or required is not None:
        name = KNOWN.get(model, model) if model != AUTO else _local(models, what) or BEST[what][0]
        return Chosen(engine=_fetched(models, name, ffmpeg))
    return _best(models, ffmpeg, what)


def _of_network(required: str | None, models: Models, ffmpeg: Ffmpeg) -> Engine:
    if required == "realesrgan":
        raise JobFailed("realesrgan is a network, and lanczos is none; ask for auto or a model", code="BAD_REQUEST")
    return ENGINES["ffmpeg-lanczos"](models, NO_NETWORK, ffmpeg)


def _best(models: Models, ffmpeg: Ffmpeg, what: str) -> Chosen:
    from colab.handlers.upscale.realesrgan import check_installed

    try:
        if (model := _local(models, what)) is not None:
            return Chosen(engine=_fetched(models, model, ffmpeg))
        check_installed()
        passed_over = ("realesrgan: no model of it is here; name one with `model` (as x4plus), which fetches it",)
    except JobFailed as problem:
        passed_over = (f"realesrgan: {problem}",)
        logger.warning("the upscaling engine realesrgan is not used: %s", problem)
    return Chosen(engine=ENGINES["ffmpeg-lanczos"](models, NO_NETWORK, ffmpeg), passed_over=passed_over)


def _fetched(models: Models, model: str, ffmpeg: Ffmpeg) -> Engine:
    """Return the network with its file here: it says what it lacks before it downloads anything."""
    _check_known(models, model)
    engine = ENGINES["realesrgan"](models, model, ffmpeg)
    models.path(model)
    return engine


def names(models: Models) -> tuple[str, ...]:
    """Return every network that may be asked for: those known by their short names, and what the owner added."""
    return (*KNOWN, *KNOWN.values(), *models.owned("upscale"))


def _check_known(models: Models, model: str) -> None:
    """Refuse what is no model for upscaling: a job must not have a worker fetch any other file of its table."""
    if model not in names(models):
        raise JobFailed(
            f"no model {model!r} for upscaling is known here; there are "
            f"{', '.join((AUTO, NO_NETWORK, *KNOWN, *models.owned('upscale')))}. The worker's owner adds others by "
            "gpudrop models add",
            code="UNSUPPORTED",
        )


def _local(models: Models, what: str) -> str | None:
    for name in BEST[what]:
        with suppress(JobFailed):  # a table without this model
            if models.present(name):
                return name
    return None
