"""The parts of a spec that are not steps: what it is about, and how it is filmed, spoken and written.

What a wrong part is told is put into words in `spec_errors`; nothing here opens a page or a file.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from dispatcher.tour import browser_rules, output_rules, script
from protocol.kinds import tts

MAX_SIDE = 4096
MIN_SIDE = 64
VIEWPORT = (1280, 720)
MAX_ZOOM = 4.0


class Part(BaseModel):
    """What every part of a spec shares: it never changes, and keys it does not know are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read_size(value: Any) -> tuple[int, int]:
    """Return width and height, each a whole even number that a video can have; ValueError for anything else."""
    if isinstance(value, dict) and set(value) == {"width", "height"}:
        value = (value["width"], value["height"])
    elif isinstance(value, str) and (found := re.fullmatch(r"([0-9]{1,5})\s*[xX×]\s*([0-9]{1,5})", value.strip())):
        value = (int(found[1]), int(found[2]))
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(side) is int for side in value):
        raise ValueError('is no size; write "1280x720", [1280, 720] or {"width": 1280, "height": 720}')
    for side in value:
        if side % 2 or not MIN_SIDE <= side <= MAX_SIDE:
            raise ValueError(f"holds {side}; a video's sides are even numbers from {MIN_SIDE} to {MAX_SIDE}")
    return value[0], value[1]


Number = Annotated[float, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Switch = Annotated[bool, Field(strict=True)]
Pair = Annotated[list[Whole], Field(min_length=2, max_length=2)]
"""Two whole numbers, as they are written."""


class WrittenSize(TypedDict):
    """A size as it may be written."""

    width: int
    height: int


Size = Annotated[tuple[int, int], BeforeValidator(read_size, json_schema_input_type=WrittenSize | Pair | str)]
"""Width and height in even pixels, written as {"width", "height"}, "1280x720" or [1280, 720]."""


class Meta(Part):
    """What the film is called."""

    title: str = "Tour"
    description: str = ""
    target_duration_seconds: Annotated[Number, Field(gt=0)] | None = None
    max_duration_seconds: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        target, most = self.target_duration_seconds, self.max_duration_seconds
        if target is not None and most is not None and target > most:
            raise ValueError(
                f"target_duration_seconds {target:g} is more than max_duration_seconds {most:g}; change one"
            )
        return self


Lexicon = Annotated[dict[str, str], BeforeValidator(script.checked_lexicon, json_schema_input_type=dict[str, str])]


class HttpCredentials(Part):
    """The answer to a server that asks for a user name and a password (basic authentication)."""

    username: Annotated[str, Field(min_length=1, max_length=500)]
    password: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(browser_rules.not_literal)]


class BrowserContextSettings(Part):
    """What the recorded browser is, as far as its pages can tell."""

    locale: Annotated[str, AfterValidator(browser_rules.locale)] | None = None
    timezone: Annotated[
        Annotated[str, AfterValidator(browser_rules.timezone)] | None,
        Field(validation_alias=AliasChoices("timezone", "timezone_id")),
    ] = None
    color_scheme: Literal["light", "dark", "no-preference"] | None = None
    device_scale_factor: Annotated[Number, Field(ge=0.5, le=4)] | None = None
    mobile: Annotated[Switch, Field(validation_alias=AliasChoices("mobile", "is_mobile"))] = False
    storage_state: Annotated[str, Field(min_length=1)] | None = None
    headers: Annotated[
        dict[str, str],
        BeforeValidator(browser_rules.headers, json_schema_input_type=dict[str, str]),
        Field(validation_alias=AliasChoices("headers", "extra_http_headers")),
    ] = {}
    ignore_https_errors: Switch = False
    http_credentials: HttpCredentials | None = None


class Settings(Part):
    """How it is filmed and spoken. Times in seconds."""

    viewport: Size = VIEWPORT
    video_size: Size | None = None
    base_url: str | None = None
    mode: Literal["independent", "continuous"] = "independent"
    browser: Literal["chromium"] = "chromium"
    voice: Annotated[str, Field(min_length=1, max_length=tts.MAX_VOICE)] = "default"
    speech_speed: Annotated[Number, Field(ge=0.5, le=2)] = 1.0
    language: Annotated[str, Field(min_length=2, max_length=32)] = "en-us"
    lexicon: Lexicon = {}
    default_step_timeout: Annotated[Number, Field(gt=0, le=3600)] = 30.0
    max_retries_per_step: Annotated[Whole, Field(ge=0, le=10)] = 2
    browser_context: BrowserContextSettings = BrowserContextSettings()
    preloader_selector: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    ref_audio: Annotated[str, Field(min_length=1)] | None = None
    ref_text: Annotated[str, Field(min_length=1)] | None = None
    seed: Annotated[Whole, Field(ge=0, le=tts.MAX_SEED)] | None = None
    nfe_step: Annotated[Whole, Field(ge=4, le=128)] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Return the size of the film: the viewport's unless said otherwise."""
        return self.video_size or self.viewport

    @property
    def scale(self) -> int:
        """Return how many pixels are recorded for a pixel of the page: at least as many as the film shows of it.

        Whole numbers only: Chromium's screencast delivers no frames at most scales between them.
        """
        shown = min(film / page for film, page in zip(self.size, self.viewport, strict=True))
        return max(1, math.ceil(shown - 1e-6))


class InsertClip(Part):
    """A film from elsewhere, shown before the first step or after the last."""

    path: Annotated[str, Field(min_length=1)]
    title: Annotated[str, Field(min_length=1)] | None = None


Insert = Annotated[
    InsertClip | None, BeforeValidator(output_rules.clip, json_schema_input_type=InsertClip | str | None)
]
"""The path of a film, or an object that also names its chapter."""


class Output(Part):
    """What the film is written as. What is not said follows from what is: `output_rules` says how."""

    path: Annotated[str, AfterValidator(output_rules.film_path)] | None = None
    format: Literal["mp4", "mov", "mkv", "webm"] = "mp4"
    video_codec: Literal["h264", "libx264", "h265", "hevc", "libx265", "vp9", "libvpx-vp9", "av1", "libsvtav1"] = (
        "libx264"
    )
    video_preset: Literal[
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
    ] = "medium"
    video_crf: Annotated[Whole, Field(ge=0, le=63)] = 20
    audio_codec: Literal["aac", "opus", "libopus"] = "aac"
    audio_bitrate: Annotated[str, BeforeValidator(output_rules.bitrate, json_schema_input_type=str | int)] = "192k"
    loudnorm: Switch = True
    intro_clip: Insert = None
    outro_clip: Insert = None

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, raw: Any) -> Any:
        return output_rules.completed(raw)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (wrong := output_rules.problem(self.model_dump())) is not None:
            raise ValueError(wrong)
        return self


def expand(path: str, beside: Path) -> Path:
    """Return a path of the spec: `~/` is the home folder, a relative one starts at the spec."""
    own = Path(path)
    return (beside / (own.expanduser() if own.parts[:1] == ("~",) else own)).absolute()
