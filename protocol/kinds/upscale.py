"""Upscaling: a video or an image with more pixels, and everything else as it was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, model_validator

from protocol.kinds.kind import SOURCE, Kind, Known, Medium

FILMS = {"mp4": "video/mp4", "mov": "video/quicktime", "mkv": "video/x-matroska"}
PICTURES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "tiff": "image/tiff"}
"""What can be written, and its media type."""

SCALE = 2.0
"""How many times as wide and as high the result is, where nothing is said."""

LARGEST_SCALE = 8.0
MAX_SIDE = 16_384
"""Pixels: no longer side is written."""

_SAME = {
    "mov": "mp4", "matroska": "mkv", "png_pipe": "png", "jpeg_pipe": "jpg", "webp_pipe": "webp", "tiff_pipe": "tiff",
}  # fmt: skip
"""The format of the result by the container of the source; for others, `mkv` or `png`."""


def _scale(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool) and not 1 <= value <= LARGEST_SCALE:
        raise ValueError(f"must be 1 to {LARGEST_SCALE:g}, not {value:g}; 2 doubles the width and height")
    return value


def _crf(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Scale = Annotated[float, BeforeValidator(_scale), Field(ge=1, le=LARGEST_SCALE)]
Side = Annotated[int, Field(strict=True, ge=16, le=MAX_SIDE)]
Part = Annotated[float, BeforeValidator(_crf), Field(ge=0, le=1)]


class Params(BaseModel):
    """Make images and videos larger. At most one of `scale`, `width` and `height` is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: Scale | None = Field(
        default=None, description="How many times as wide and as high, 1 to 8 (2 unless a width or height is given)."
    )
    width: Side | None = Field(default=None, description="Pixels of the result's width; the height follows.")
    height: Side | None = Field(default=None, description="Pixels of the result's height; the width follows.")
    model: Annotated[StrictStr, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")] = Field(
        default="auto",
        description="auto (the best that is there), lanczos (no network), x4plus, x4plus-anime, x2plus, animevideov3, "
        "general-x4v3, general-wdn-x4v3, or one that the worker's owner added.",
    )
    format: Literal["png", "jpg", "webp", "tiff", "mp4", "mkv", "mov"] | None = Field(
        default=None, description="Format of the result: mp4, mkv, mov; png, jpg, webp, tiff (that of the source)."
    )
    codec: Literal["auto", "x264", "x265"] = Field(
        default="auto", description="The encoder of a video; auto is x264, and x265 for 10 bits and HDR."
    )
    quality: Annotated[int, Field(strict=True, ge=0, le=51)] = Field(
        default=17, description="A video's constant rate factor, 0 to 51: lower is better and larger."
    )
    preset: Literal["ultrafast", "veryfast", "fast", "medium", "slow", "slower"] = Field(
        default="medium", description="How much time the encoder takes for a smaller video."
    )
    sharpen: Part | None = Field(
        default=None, description="Sharpening afterwards, 0 to 1 (0.4 for lanczos, 0 for a network)."
    )
    denoise: Part = Field(default=0.0, description="Noise removal before, 0 (none) to 1 (much); videos only.")
    tile: Annotated[int, Field(strict=True, ge=0, le=4096)] = Field(
        default=0, description="Side of the tiles that a network works on, in pixels of the source; 0 fits the memory."
    )
    batch: Annotated[int, Field(strict=True, ge=0, le=64)] = Field(
        default=0, description="Frames or tiles that a network works on at once; 0 fits the memory."
    )
    half: StrictBool = Field(default=True, description="Use 16-bit numbers in a network on a GPU.")

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        given = [name for name in ("scale", "width", "height") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; give one of them, the others follow")
        return self


def result_path(params: Params) -> str:
    """Return where the result lies."""
    return f"{SOURCE}.upscaled.{params.format or 'mp4'}"


def outputs(params: Params) -> dict[str, str]:
    """Return the one output. A format that was left open is that of a video; `fit` fills it in from the source."""
    return {result_path(params): {**FILMS, **PICTURES}[params.format or "mp4"]}


def fit(raw: Mapping[str, Any], what: Medium, container: str) -> Mapping[str, Any]:
    """Fill in the format of the source. A video format for an image, and the reverse, raises ValueError."""
    mine, other = (FILMS, PICTURES) if what == "film" else (PICTURES, FILMS)
    given = raw.get("format")
    if given in other:
        raise ValueError(f"a {what} cannot be written as {given}; ask for one of {', '.join(mine)}")
    return raw if given else {**raw, "format": _SAME.get(container, "mkv" if what == "film" else "png")}


def factor(params: Params, shown: tuple[int, int]) -> Fraction:
    """Return how many times as large a source becomes; ValueError, with the numbers, if that is not done."""
    wide, high = shown
    if params.width is not None:
        times = Fraction(params.width, wide)
    elif params.height is not None:
        times = Fraction(params.height, high)
    else:
        return Fraction(SCALE if params.scale is None else params.scale).limit_denominator(10_000)
    if times < 1:
        raise ValueError(f"the source is {wide}x{high} already; ask for more than that")
    if times > LARGEST_SCALE:
        raise ValueError(
            f"{wide}x{high} would grow {float(times):.1f} times; at most {LARGEST_SCALE:g} times is done at once"
        )
    return times


MODELS = ("x4plus", "x2plus", "x4plus-anime", "animevideov3", "general-x4v3", "general-wdn-x4v3")
"""The networks, as users call them."""

KIND = Kind(
    name="upscale",
    params=Params,
    outputs=outputs,
    takes=("film", "picture"),
    fit=fit,
    sized=factor,
    checkpoints=True,
    compared=True,
    extras={"realesrgan": "upscale"},
    known={"model": Known(values=MODELS, needs="a worker with PyTorch", extra="upscale")},
)
