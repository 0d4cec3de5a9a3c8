"""Stabilisation: a shaky video made steady, its sound and subtitles kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from protocol.kinds.films import MEDIA_TYPES, Codec, FilmFormat, Preset, RateFactor, factor_problem
from protocol.kinds.kind import Kind, Medium

CODECS: Mapping[str, tuple[str, ...]] = {
    "mp4": ("h264", "hevc", "av1"),
    "mkv": ("h264", "hevc", "av1", "vp9"),
    "mov": ("h264", "hevc"),
    "webm": ("vp9", "av1"),
}
"""The codecs of the picture that each format holds, its usual one first."""

Whole = StrictInt


class Params(BaseModel):
    """Make shaky videos steady: detect the motion, smooth the camera's path, and keep sound and subtitles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shakiness: Annotated[Whole, Field(ge=1, le=10, description="How shaky the video is: 1 little, 10 very")] = 10
    accuracy: Annotated[
        Whole, Field(ge=1, le=15, description="How many fields of a frame are followed: 15 is all of them")
    ] = 15
    stepsize: Annotated[Whole, Field(ge=1, le=32, description="Pixels between the places that are searched first")] = 32
    mincontrast: Annotated[
        float, Field(ge=0, le=1, description="Fields with less contrast than this are not followed")
    ] = 0.25
    detection: Annotated[
        Literal["auto", "full", "half"],
        Field(
            description="The size at which motion is looked for; auto takes half the size from 720 lines on, "
            "which finds it as exactly"
        ),
    ] = "auto"
    smoothing: Annotated[
        Whole,
        Field(
            ge=0,
            le=1000,
            description="Frames before and after each one that the camera's path is smoothed over; "
            "of the best path, how slow its movements are",
        ),
    ] = 10
    path: Annotated[
        Literal["auto", "gauss"],
        Field(
            description="The camera's path: auto takes the best within a fixed zoom where vid.stab is new enough to "
            "look for it, gauss the mean of the frames around, which zooms less, leaves more shake and is quick"
        ),
    ] = "auto"
    zoom: Annotated[float, Field(ge=-100, le=100, description="Percent to zoom in (or out, below 0)")] = 0.0
    optzoom: Annotated[
        Whole,
        Field(
            ge=0,
            le=2,
            description="Zoom that hides the moving borders: 0 none, 1 one for the whole video, "
            "2 as needed (the best path: as 1)",
        ),
    ] = 1
    tripod: Annotated[
        StrictBool, Field(description="Hold the camera as still as in the first frame, as on a tripod")
    ] = False
    crop: Annotated[
        Literal["keep", "black"],
        Field(description="What fills borders that a frame leaves: keep the last frame there, or black"),
    ] = "keep"
    interpol: Annotated[
        Literal["no", "linear", "bilinear", "bicubic"], Field(description="How pixels are interpolated")
    ] = "bilinear"
    format: FilmFormat = "mp4"
    codec: Annotated[Codec, Field(description="The video codec; auto takes the format's usual one")] = "auto"
    quality: Annotated[
        RateFactor | None,
        Field(description="The encoder's quality (crf): lower is better and larger; by default one that looks good"),
    ] = None
    preset: Preset = "medium"

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.codec not in ("auto", *CODECS[self.format]):
            raise ValueError(
                f"format {self.format} does not hold codec {self.codec}; it holds: {', '.join(CODECS[self.format])}"
            )
        if wrong := factor_problem(self.quality, self.written_codec):
            raise ValueError(wrong)
        if self.accuracy < self.shakiness // 2:
            raise ValueError(
                f"accuracy {self.accuracy} is too low for shakiness {self.shakiness}: at least {self.shakiness // 2}"
            )
        return self

    @property
    def written_codec(self) -> str:
        """Return the codec that the video is written with."""
        return CODECS[self.format][0] if self.codec == "auto" else self.codec


def film_path(params: Params) -> str:
    """Return the path of the steady video in the result."""
    return f"source.stabilized.{params.format}"


def outputs(params: Params) -> dict[str, str]:
    """Return the one video that the result must have."""
    return {film_path(params): MEDIA_TYPES[params.format]}


FORMATS: Mapping[str, str] = {"matroska": "mkv", "mov": "mp4", "webm": "webm"}
"""The format that suits a container; mp4 for any other."""


def fit(raw: Mapping[str, Any], what: Medium, container: str) -> Mapping[str, Any]:
    """Return the parameters with the format of the source, where none is asked for."""
    if "format" in raw:
        return raw
    suits = FORMATS.get(container, "mp4")
    if raw.get("codec", "auto") not in ("auto", *CODECS[suits]):
        suits = "mp4"
    return {**raw, "format": suits}


KIND = Kind(
    name="stabilize",
    params=Params,
    outputs=outputs,
    takes=("film",),
    fit=fit,
    checkpoints=True,
    compared=True,
    neural=False,
)
