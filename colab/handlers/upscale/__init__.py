"""Upscaling: the glue between a film or a picture and an engine. No model library is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from colab.handlers.closed import closed_codes
from colab.handlers.upscale import commands, turning
from colab.handlers.upscale.commands import Coding, is_full_range, space_of
from colab.handlers.upscale.engine import Shape
from colab.handlers.upscale.engines import AUTO, NO_NETWORK, Chosen, available, names, open_engine
from colab.handlers.upscale.film import upscale_film
from colab.handlers.upscale.picture import upscale_picture
from colab.handlers.upscale.sizes import target
from colab.handlers.work import Result, Work
from colab.models import Models
from media import ffmpeg as programs
from media.confined import examine
from media.ffmpeg import Ffmpeg
from media.info import MediaFile
from protocol.errors import EnvironmentNotReady, JobFailed, MediaError
from protocol.kinds.kind import SOURCE
from protocol.kinds.upscale import FILMS, PICTURES, Params
from protocol.messages import Choices, EngineRecord

NEEDED = frozenset({"cas", "hqdn3d", "scale", "setparams", "setsar", "showinfo"})


class UpscaleHandler:
    """Makes a film or a picture larger. A film in work leaves a checkpoint after each of its pieces."""

    kind = "upscale"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the engines that can upscale here, best first; none without an ffmpeg that can."""
        return tuple(engine.record() for engine in self._available(models))

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return the models of each engine."""
        named: dict[str, Choices] = {
            "realesrgan": {"model": (AUTO, *names(models))},
            "ffmpeg-lanczos": {"model": (AUTO, NO_NETWORK)},
        }
        return {engine.name: named[engine.name] for engine in self._available(models)}

    def run(self, work: Work) -> Result:
        """Upscale the source. Raises `JobFailed` with what is wrong, and the hint."""
        params = cast(Params, work.params)
        with closed_codes("it cannot be made larger", hint="ask for a smaller scale"):
            media = _looked_at(work)
            _check_format(media, params)
            ffmpeg = _ffmpeg(_encoders(media, params))
            chosen = open_engine(work.models, ffmpeg, required=work.engine, model=params.model, what=media.what)
            told = _upscaled(work, params, media, chosen, ffmpeg)
            return Result(engine=chosen.engine.record(), summary=_summary(media, chosen, told))

    def _available(self, models: Models) -> tuple[Any, ...]:
        try:
            return available(models, _ffmpeg(programs.ENCODERS))
        except JobFailed:
            return ()


def _upscaled(work: Work, params: Params, media: MediaFile, chosen: Chosen, ffmpeg: Ffmpeg) -> Mapping[str, Any]:
    picture = media.picture
    assert picture is not None  # neither a film nor a picture is without
    if media.what == "picture":
        return upscale_picture(work, params, media, chosen.engine, ffmpeg)
    turns: tuple[str, ...] = ()
    if picture.mirrored:  # no mark that a film can carry to every player says so: its frames are turned
        turns, picture = turning.filters(picture), turning.turned(picture)
    shape = Shape(
        size=picture.size,
        target=target(picture, params, film=True),
        bits=commands.bits(picture.pixels),
        space=space_of(picture.pixels, picture.size[1]),
        full_range=is_full_range(picture.pixels),
    )
    enlarger = chosen.engine.ready(shape, params)
    coding = Coding(shape=shape, picture=picture, params=params, enlarger=enlarger, turns=turns)
    told = upscale_film(work, media, coding, chosen.engine, ffmpeg)
    lost = {"lost": "the film's transparency: frames travel as yuv420p"} if picture.pixels.alpha else {}
    return {**told, **enlarger.notes(), **lost}


def _looked_at(work: Work) -> MediaFile:
    try:
        media = examine(work.inputs[SOURCE])
    except MediaError as problem:
        raise JobFailed(str(problem), code="INPUT_CORRUPT") from problem
    if media.what == "sound":
        raise JobFailed("the source is a sound; give a film or a picture to upscale", code="INPUT_CORRUPT")
    return media


def _check_format(media: MediaFile, params: Params) -> None:
    wanted, fitting = params.format or "mp4", FILMS if media.what == "film" else PICTURES
    if wanted not in fitting:
        raise JobFailed(
            f"a {media.what} cannot be written as {wanted}; ask for one of {', '.join(fitting)}", code="BAD_REQUEST"
        )


def _encoders(media: MediaFile, params: Params) -> frozenset[str]:
    """Return the encoders without which the result cannot be written; none for a picture."""
    if media.what == "picture" or media.picture is None:
        return frozenset()
    return frozenset({commands.encoder(params, commands.bits(media.picture.pixels))})


def _ffmpeg(encoders: frozenset[str]) -> Ffmpeg:
    try:
        return programs.find(needs=NEEDED, encoders=encoders)
    except EnvironmentNotReady as problem:
        other = "; or ask for the codec x264" if "libx265" in encoders else ""
        raise JobFailed(f"{problem}{other}", code="UNSUPPORTED") from problem


def _summary(media: MediaFile, chosen: Chosen, told: Mapping[str, Any]) -> dict[str, Any]:
    passed_over = {"passed_over": list(chosen.passed_over)} if chosen.passed_over else {}
    return {"what": media.what, **told, **passed_over}


HANDLER = UpscaleHandler()
