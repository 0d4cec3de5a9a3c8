"""The parts of a spec that are not steps: what the video is called, and how it is recorded, spoken and written.

Messages for wrong values come from `error_messages`; nothing here opens a page or a file.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, model_validator

from dispatcher.tour.spec import browser_rules, output_rules, script
from dispatcher.tour.spec.fields import VIEWPORT, Number, Size, SpecPart, Switch, Whole
from protocol.kinds import tts


class TourMeta(SpecPart):
    """The title of the video, and how long it should be."""

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


class HttpCredentials(SpecPart):
    """User name and password for HTTP basic authentication."""

    username: Annotated[str, Field(min_length=1, max_length=500)]
    password: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(browser_rules.not_literal)]


class BrowserContextSettings(SpecPart):
    """The recorded browser, as its pages see it."""

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
    ] = {}  # noqa: RUF012 -- pydantic copies defaults
    ignore_https_errors: Switch = False
    http_credentials: HttpCredentials | None = None


class SpecSettings(SpecPart):
    """How a tour is recorded and spoken. Times are in seconds."""

    viewport: Size = VIEWPORT
    video_size: Size | None = None
    base_url: str | None = None
    mode: Literal["independent", "continuous"] = "independent"
    browser: Literal["chromium"] = "chromium"
    voice: Annotated[str, Field(min_length=1, max_length=tts.MAX_VOICE)] = "default"
    speech_speed: Annotated[Number, Field(ge=0.5, le=2)] = 1.0
    language: Annotated[str, Field(min_length=2, max_length=32)] = "en-us"
    lexicon: Lexicon = {}  # noqa: RUF012 -- pydantic copies defaults
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
        """Return the size of the video: the viewport's by default."""
        return self.video_size or self.viewport

    @property
    def scale(self) -> int:
        """Return how many pixels are recorded for each CSS pixel: at least as many as the video has.

        A whole number: Chromium's screencast delivers no frames at most scales in between.
        """
        needed = min(video / page for video, page in zip(self.size, self.viewport, strict=True))
        return max(1, math.ceil(needed - 1e-6))


class InsertClip(SpecPart):
    """A video clip that is shown before the first step or after the last."""

    path: Annotated[str, Field(min_length=1)]
    title: Annotated[str, Field(min_length=1)] | None = None


InsertSetting = Annotated[
    InsertClip | None, BeforeValidator(output_rules.clip, json_schema_input_type=InsertClip | str | None)
]
"""The path of a clip, or an object that also has the title of its chapter."""


class OutputSettings(SpecPart):
    """The format of the video. Missing values follow from the others: see `output_rules`."""

    path: Annotated[str, AfterValidator(output_rules.video_path)] | None = None
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
    intro_clip: InsertSetting = None
    outro_clip: InsertSetting = None

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, raw: Any) -> Any:
        return output_rules.completed(raw)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (wrong := output_rules.problem(self.model_dump())) is not None:
            raise ValueError(wrong)
        return self
