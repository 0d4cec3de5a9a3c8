"""Who analyses: the classic measures always, and a model that sees beside them where it was asked for or is at hand."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import cv2

from colab.handlers.analyze.engine import Eyes
from colab.handlers.analyze.vision_files import NEEDS, files, lacking
from colab.handlers.devices import NoSuchDevice
from colab.models import Models
from media.info import MediaFile
from protocol.errors import JobFailed
from protocol.kinds.analyze import Params
from protocol.messages import EngineRecord
from usertext import installing

log = logging.getLogger(__name__)

CLASSIC, SEEING = "classic", "clip-blip"

_PACKAGES = ("torch", "transformers", "safetensors")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Who does it, and what was not done because a model is not here."""

    record: EngineRecord
    eyes: Eyes | None = None
    passed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # what was asked for, and stands against something else that was asked for


def _clip_blip(models: Models, params: Params, wishes: frozenset[str]) -> Eyes:
    from colab.handlers.analyze.clip_blip import ClipBlip

    return ClipBlip(models, params, wishes)


ENGINES = (SEEING, CLASSIC)
"""Every engine, best first. The classic one has nothing to open."""


def classic() -> EngineRecord:
    """Return the record of the measures that need no model."""
    return EngineRecord(
        name=CLASSIC,
        version=f"1 scenedetect={version('scenedetect')} opencv={cv2.__version__}",
        provider="ffmpeg, opencv",
        device="cpu",
        tier="embedded",
    )


def available(models: Models) -> tuple[EngineRecord, ...]:
    """Return the engines that work here with the files that are at hand, best first."""
    here = frozenset(wish for wish in NEEDS if _why_not(models, wish) is None)
    return (_clip_blip(models, Params(), here).record(), classic()) if here else (classic(),)


def choose(models: Models, required: str | None, params: Params, media: MediaFile) -> Chosen:
    """Return who does the job, the files of its models fetched.

    What was asked for by `on`, or by requiring the engine, is done or raises `JobFailed` UNSUPPORTED with the hint;
    what was left to `auto` is done where its model is here, and `passed_over` says what was not.
    """
    if required is not None and required not in ENGINES:
        raise JobFailed(f"engine {required!r} is not on this worker; it has: {', '.join(ENGINES)}", code="UNSUPPORTED")
    asked = {wish: getattr(params, wish) for wish in NEEDS}
    wanted = [wish for wish, how in asked.items() if how == "on" or (how == "auto" and required == SEEING)]
    if required == SEEING and not wanted:
        raise JobFailed(
            f"{SEEING} was asked for, and nothing that it does: tags, captions and embeddings are off",
            code="BAD_REQUEST",
        )
    if media.picture is None:
        if wanted:
            raise JobFailed(f"a sound shows nothing: {' and '.join(wanted)} cannot be had of it", code="BAD_REQUEST")
        return Chosen(record=classic(), notes=_no_labels(params, "a sound shows nothing"))
    if required == CLASSIC:
        if wanted:
            raise JobFailed(f"the engine {CLASSIC} gives no {' and no '.join(wanted)}", code="UNSUPPORTED")
        return Chosen(record=classic(), notes=_no_labels(params, f"the engine {CLASSIC} gives no tags"))
    for wish in wanted:
        _demand(models, wish)
    left = [wish for wish, how in asked.items() if how == "auto" and wish not in wanted]
    there = [wish for wish in left if _why_not(models, wish) is None]
    done, passed_over = (
        frozenset([*wanted, *there]),
        _told(models, params, [wish for wish in left if wish not in there]),
    )
    notes = _no_labels(params, "tags are off") if params.tags == "off" else ()
    if not done:
        return Chosen(record=classic(), passed_over=passed_over, notes=notes)
    eyes = _clip_blip(models, params, done)
    return Chosen(record=eyes.record(), eyes=eyes, passed_over=passed_over, notes=notes)


def _no_labels(params: Params, why: str) -> tuple[str, ...]:
    """Say that labels which were given are not looked for; nothing where none were."""
    return (f"the labels given were not looked for: {why}",) if params.labels else ()


def lacking_packages() -> list[str]:
    """Return the packages that a model needs and that are not installed."""
    return [name for name in _PACKAGES if importlib.util.find_spec(name) is None]


def _demand(models: Models, wish: str) -> None:
    """Have what a wish needs here, or say why that cannot be."""
    model = NEEDS[wish]
    if absent := lacking_packages():
        raise JobFailed(
            f"{wish} cannot be made: {', '.join(absent)} are not installed on this worker. Install them "
            f"({installing.with_extra('vision')}), or leave {wish} out",
            code="UNSUPPORTED",
        )
    try:
        for file in files(models, model):
            models.path(file)
    except JobFailed as problem:
        raise JobFailed(
            f"{wish} cannot be made: {model} is not available: {problem}. Download it with "
            f"`gpudrop models pull {model}`, or leave {wish} out",
            code=problem.code,
        ) from problem


def _why_not(models: Models, wish: str) -> str | None:
    """Return what keeps a wish from being done with what is at hand, and what would bring it; None for nothing."""
    if absent := lacking_packages():
        return f"{', '.join(absent)} not installed: {installing.with_extra('vision')}"
    if lacking(models, model := NEEDS[wish]):
        return f"{model} is not here (gpudrop models pull {model})"
    try:
        _clip_blip(models, Params(), frozenset([wish]))
    except NoSuchDevice as problem:
        return str(problem)
    return None


def _told(models: Models, params: Params, wishes: Sequence[str]) -> tuple[str, ...]:
    """Say what is left out, and what would bring it; labels that were given are named before all else."""
    told: dict[str | None, list[str]] = {}
    for wish in wishes:
        told.setdefault(_why_not(models, wish), []).append(wish)
    lost = {"tags": "tags by the labels given"} if params.labels else {}
    return tuple(f"no {', '.join(lost.get(wish, wish) for wish in wishes)}: {why}" for why, wishes in told.items())
