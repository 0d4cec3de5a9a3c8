"""Encoding: videos re-encoded, by the graphics card if there is one: cut, smaller, joined, as loud as wanted."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from protocol.kinds.films import MEDIA_TYPES, Codec, FilmFormat, Preset, RateFactor, factor_problem
from protocol.kinds.kind import Kind, Medium
from protocol.layout import check_portable_name

CODECS: Mapping[str, tuple[str, ...]] = {
    "mp4": ("h264", "hevc", "av1", "vp9"),
    "mkv": ("h264", "hevc", "av1", "vp9"),
    "mov": ("h264", "hevc"),
    "webm": ("av1", "vp9"),
}
"""The codecs of the picture that each format holds, its usual one first."""

SOUNDS: Mapping[str, tuple[str, ...]] = {
    "mp4": ("aac", "opus"),
    "mkv": ("aac", "opus"),
    "mov": ("aac",),
    "webm": ("opus",),
}
"""The codecs of sound that each format is written with, its usual one first."""

ENCODERS: Mapping[str, tuple[str, ...]] = {
    "nvenc": ("h264", "hevc", "av1"),
    "x264": ("h264",),
    "x265": ("hevc",),
    "svtav1": ("av1",),
    "vpx": ("vp9",),
}
"""The encoders by the names that are asked for, and what each can write."""

MAX_INPUTS = 100
MAX_SECONDS = 86_400.0
MAX_FPS = 240.0
LOUDEST, SOFTEST = -5.0, -40.0

_NUMBER = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_OPERATIONS: Mapping[str, re.Pattern[str]] = {
    "concat": re.compile(r"concat"),
    "trim": re.compile(rf"trim=({_NUMBER})-({_NUMBER})?"),
    "scale": re.compile(r"scale=([0-9]{1,5})"),
    "fps": re.compile(rf"fps=({_NUMBER})"),
    "loudnorm": re.compile(rf"loudnorm(?:=(-{_NUMBER}))?"),
    "mute": re.compile(r"mute"),
}
"""The operations and how each is written. They are done in this order, whatever order they are named in."""

DEFAULT_LUFS = -16.0


def _operation(value: str) -> str:
    name = value.partition("=")[0]
    if (known := _OPERATIONS.get(name)) is None:
        raise ValueError(f"no operation is called {name[:40]!r}; there are: {', '.join(_OPERATIONS)}")
    if (found := known.fullmatch(value)) is None:
        raise ValueError(f"{value[:60]!r} is not how {name} is written: {_WRITTEN[name]}")
    if name == "trim" and found[2] is not None and not float(found[1]) < float(found[2]):
        raise ValueError(f"{value} ends before it begins")
    if name == "scale" and not 16 <= int(found[1]) <= 8192:
        raise ValueError(f"{value}: a height from 16 to 8192 pixels")
    if name == "fps" and not 1 <= float(found[1]) <= MAX_FPS:
        raise ValueError(f"{value}: from 1 to {MAX_FPS:.0f} frames a second")
    if name == "loudnorm" and found[1] is not None and not SOFTEST <= float(found[1]) <= LOUDEST:
        raise ValueError(f"{value}: from {SOFTEST:.0f} to {LOUDEST:.0f} LUFS")
    return value


_WRITTEN: Mapping[str, str] = {
    "concat": "concat",
    "trim": "trim=START-END or trim=START- in seconds",
    "scale": "scale=HEIGHT",
    "fps": "fps=RATE",
    "loudnorm": "loudnorm or loudnorm=-16 (LUFS)",
    "mute": "mute",
}
_LONG_NAMES: Mapping[str, str] = {"op": "op", "operation": "op", "type": "op", "name": "op"}
"""What job files of existing users may call the name of an operation."""


def spelt(operation: Any) -> Any:
    """Return an operation as it is written, from a record such as `{"op": "scale", "height": 720}` too."""
    if not isinstance(operation, Mapping):
        return operation
    rest = dict(operation)
    names = [rest.pop(key) for key in _LONG_NAMES if key in rest]
    if len(names) != 1 or not isinstance(names[0], str):
        raise ValueError('an operation is a text such as "scale=720", or a record with its name as "op"')
    name = names[0]
    match name, sorted(rest):
        case "trim", ["end", "start"] | ["start"]:
            return f"trim={_plain(rest['start'])}-{_plain(rest['end']) if 'end' in rest else ''}"
        case "trim", ["end"]:
            return f"trim=0-{_plain(rest['end'])}"
        case "scale", ["height"]:
            return f"scale={_plain(rest['height'])}"
        case "fps", ["fps"] | ["rate"]:
            return f"fps={_plain(next(iter(rest.values())))}"
        case "loudnorm", ["lufs"] | ["target"] | ["I"]:
            return f"loudnorm={_plain(next(iter(rest.values())))}"
        case _, []:
            return name
    raise ValueError(f"operation {name[:40]!r} does not know {', '.join(sorted(map(str, rest)))[:80]}")


def _plain(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:40]!r} must be a number")
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


Operation = Annotated[StrictStr, Field(max_length=64), AfterValidator(_operation)]
InputName = Annotated[StrictStr, Field(min_length=1, max_length=200), AfterValidator(check_portable_name)]


class Params(BaseModel):
    """Re-encode videos: another codec, size, rate or loudness, by the graphics card if the worker has one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: FilmFormat = "mp4"
    codec: Annotated[
        Codec,
        Field(description="The video codec; auto takes the format's usual one, and hevc for high range"),
    ] = "auto"
    encoder: Annotated[
        Literal["auto", "nvenc", "x264", "x265", "svtav1", "vpx"],
        Field(description="Who encodes; auto takes NVENC where it works, else the processor"),
    ] = "auto"
    quality: Annotated[
        RateFactor | None,
        Field(description="The encoder's quality (crf, cq): lower is better and larger"),
    ] = None
    preset: Preset = "medium"
    height: Annotated[
        Annotated[int, Field(strict=True, ge=16, le=8192)] | None,
        Field(description="The height in pixels; the width follows"),
    ] = None
    fps: Annotated[
        Annotated[float, Field(ge=1, le=MAX_FPS, allow_inf_nan=False)] | None,
        Field(description="Frames a second; without it each frame keeps its own time"),
    ] = None
    audio_codec: Annotated[
        Literal["auto", "aac", "opus", "copy", "none"],
        Field(description="The codec of the sound; copy leaves it as it is, none leaves it out"),
    ] = "auto"
    audio_bitrate: Annotated[StrictInt, Field(ge=16, le=512, description="Kilobits a second of each sound")] = 192
    loudness: Annotated[
        Annotated[float, Field(ge=SOFTEST, le=LOUDEST, allow_inf_nan=False)] | None,
        Field(description="The loudness of the sound in LUFS (EBU R128), such as -16 or -14; measured, then set"),
    ] = None
    faststart: Annotated[StrictBool, Field(description="Let mp4 and mov play before they are loaded whole")] = True
    operations: Annotated[
        tuple[Operation, ...],
        Field(
            max_length=16,
            description="What is done first: concat, trim=START-END, scale=HEIGHT, fps=RATE, loudnorm=LUFS, mute",
        ),
    ] = ()
    inputs: Annotated[
        tuple[InputName, ...],
        Field(
            max_length=MAX_INPUTS,
            description="The job's inputs in the order they are joined; without it source, source-2 and so on",
        ),
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def _as_existing_users_write(cls, raw: Any) -> Any:
        """Take `input_files` and `output_format`, and operations that are records."""
        if not isinstance(raw, Mapping):
            return raw
        given = dict(raw)
        for old, new in (("input_files", "inputs"), ("output_format", "format")):
            if old in given:
                if new in given:
                    raise ValueError(f"{old} and {new} mean the same: give one of them")
                given[new] = given.pop(old)
        if isinstance(given.get("format"), str):
            given["format"] = given["format"].casefold().removeprefix(".")
        if isinstance(given.get("operations"), list | tuple):
            given["operations"] = [spelt(operation) for operation in given["operations"]]
        return given

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        for problem in _problems(self):
            raise ValueError(problem)
        return self

    def operation(self, name: str) -> tuple[str | None, ...] | None:
        """Return what an operation says, or None where it is not asked for."""
        for written in self.operations:
            if written.partition("=")[0] == name and (found := _OPERATIONS[name].fullmatch(written)):
                return found.groups()
        return None

    @property
    def lines(self) -> int | None:
        """Return the height that the video is to have, or None for its own."""
        scale = self.operation("scale")
        return int(scale[0] or 0) if scale else self.height

    @property
    def rate(self) -> float | None:
        """Return the frames a second, or None for each frame at its own time."""
        rate = self.operation("fps")
        return float(rate[0] or 0) if rate else self.fps

    @property
    def lufs(self) -> float | None:
        """Return the loudness wanted, or None for the sound's own."""
        said = self.operation("loudnorm")
        return self.loudness if said is None else float(said[0] or DEFAULT_LUFS)

    @property
    def span(self) -> tuple[float, float | None]:
        """Return the second at which the joined video begins and ends; None is its own end."""
        trim = self.operation("trim")
        return (0.0, None) if trim is None else (float(trim[0] or 0), float(trim[1]) if trim[1] else None)

    @property
    def is_mute(self) -> bool:
        """Say whether the video is to have no sound."""
        return self.audio_codec == "none" or self.operation("mute") is not None


def _problems(params: Params) -> list[str]:
    """Return what does not go together, each with the hint."""
    found = []
    names = [written.partition("=")[0] for written in params.operations]
    if len(set(names)) < len(names):
        found.append("an operation is named twice; name each once")
    for name, value in (("scale", params.height), ("fps", params.fps), ("loudnorm", params.loudness)):
        if name in names and value is not None:
            found.append(f"the operation {name} and its option say the same; give one of them")
    if len(set(params.inputs)) < len(params.inputs):
        found.append("an input is named twice; give it to the job under another name too")
    held = CODECS[params.format]
    if params.codec not in ("auto", *held):
        found.append(f"format {params.format} does not hold codec {params.codec}; it holds: {', '.join(held)}")
    if params.encoder != "auto":
        writes = ENCODERS[params.encoder]
        if params.codec not in ("auto", *writes):
            found.append(f"encoder {params.encoder} does not write {params.codec}; it writes: {', '.join(writes)}")
        if not set(writes) & set(held):
            found.append(f"encoder {params.encoder} writes nothing that {params.format} holds; take another format")
    if params.audio_codec not in ("auto", "copy", "none", *SOUNDS[params.format]):
        sounds = ", ".join(SOUNDS[params.format])
        found.append(f"format {params.format} is not written with {params.audio_codec}; there is: {sounds}")
    if params.audio_codec == "copy" and (params.lufs is not None or params.span != (0.0, None)):
        found.append("sound that is copied cannot be made louder or cut to the sample; leave audio_codec out")
    if wrong := factor_problem(params.quality, params.codec):
        found.append(wrong)
    return found


def film_path(params: Params) -> str:
    """Return the path of the video in the result."""
    return f"source.encoded.{params.format}"


def outputs(params: Params) -> dict[str, str]:
    """Return the one video that the result must have."""
    return {film_path(params): MEDIA_TYPES[params.format]}


FORMATS: Mapping[str, str] = {"matroska": "mkv", "webm": "webm"}
"""The format that suits a container; mp4 for any other."""


def fit(raw: Mapping[str, Any], what: Medium, container: str) -> Mapping[str, Any]:
    """Return the parameters with a format that suits the codec or the source, where none is asked for."""
    if "concat" in raw.get("operations", ()):
        raise ValueError("each video is a separate job here: a script joins videos, by a job with several inputs")
    if "format" in raw or "output_format" in raw:
        return raw
    suits = FORMATS.get(container, "mp4")
    wanted = raw.get("codec", "auto")
    coders = ENCODERS.get(str(raw.get("encoder")), CODECS[suits])
    if (wanted != "auto" and wanted not in CODECS[suits]) or not set(coders) & set(CODECS[suits]):
        suits = "mkv" if wanted == "vp9" or raw.get("encoder") == "vpx" else "mp4"
    return {**raw, "format": suits}


KIND = Kind(
    name="encode",
    params=Params,
    outputs=outputs,
    takes=("film",),
    fit=fit,
    checkpoints=True,
    neural=False,
    scripted=frozenset({"inputs"}),
)
