"""The parts of a spec that are not steps: what it is about, how it is filmed, spoken and written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field


class Part(BaseModel):
    """What every part of a spec shares: it never changes, and keys it does not know are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _size(value: Any) -> Any:
    if isinstance(value, dict):
        return (value.get("width"), value.get("height"))
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+)\s*[x×]\s*(\d+)", value)):
        return (int(found[1]), int(found[2]))
    return value


Pixels = Annotated[int, Field(ge=64, le=4096, multiple_of=2)]
Size = Annotated[tuple[Pixels, Pixels], BeforeValidator(_size)]
"""Width and height in even pixels, written as {"width", "height"}, "1280x720" or [1280, 720]."""


class Meta(Part):
    """What the film is called."""

    title: str = "Tour"
    description: str = ""
    target_duration_seconds: Annotated[float, Field(gt=0)] | None = None
    max_duration_seconds: Annotated[float, Field(gt=0)] | None = None


class Settings(Part):
    """How it is filmed and spoken. Times in seconds."""

    viewport: Size = (1280, 720)
    video_size: Size | None = None
    base_url: str | None = None
    mode: Literal["independent", "continuous"] = "independent"
    browser: Literal["chromium"] = "chromium"
    voice: Annotated[str, Field(min_length=1, max_length=64)] = "default"
    speech_speed: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    language: Annotated[str, Field(min_length=2, max_length=32)] = "en-us"
    default_step_timeout: Annotated[float, Field(gt=0, le=3600)] = 30.0
    max_retries_per_step: Annotated[int, Field(ge=0, le=10)] = 2

    @property
    def size(self) -> tuple[int, int]:
        """Return the size of the film: the viewport's unless said otherwise."""
        return self.video_size or self.viewport


class Output(Part):
    """What the film is written as."""

    path: str | None = None
    format: Literal["mp4"] = "mp4"
    video_codec: Literal["h264", "libx264", "h265", "hevc", "libx265"] = "libx264"
    video_preset: Literal[
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
    ] = "medium"
    video_crf: Annotated[int, Field(ge=0, le=51)] = 20
    audio_codec: Literal["aac", "opus", "libopus"] = "aac"
    audio_bitrate: Annotated[str, Field(pattern=r"^\d{2,3}k$")] = "192k"
    loudnorm: bool = True


class Scroll(Part):
    """A scroll at the start of a step."""

    to: str | int = "bottom"
    speed: Literal["slow", "normal", "fast"] = "normal"
    pause_at_bottom: Annotated[float, Field(ge=0, le=600)] = 0.0


Seconds = Annotated[float, Field(gt=0, le=3600)]
Selector = Annotated[str, Field(min_length=1, max_length=2000)]


class WaitForLoad(Part):
    """Wait until the page has loaded and painted."""

    type: Literal["wait_for_load"]
    timeout: Seconds | None = None


class WaitForSelector(Part):
    """Wait until an element is visible."""

    type: Literal["wait_for_selector"]
    selector: Selector
    timeout: Seconds | None = None


class WaitForHidden(Part):
    """Wait until an element is gone or hidden."""

    type: Literal["wait_for_hidden"]
    selector: Selector
    timeout: Seconds | None = None


class Pause(Part):
    """Do nothing for a while."""

    type: Literal["pause"]
    seconds: Annotated[float, Field(ge=0, le=600, validation_alias=AliasChoices("seconds", "duration"))]


class ScrollAction(Scroll):
    """Scroll smoothly to the bottom, the top, a position in pixels, or an element."""

    type: Literal["scroll"]


class ClickSelector(Part):
    """Move the cursor to an element and click it."""

    type: Literal["click_selector"]
    selector: Selector
    timeout: Seconds | None = None


class TypeText(Part):
    """Type a text as a person would, into the focused element or into `selector`."""

    type: Literal["type_text"]
    text: Annotated[str, Field(max_length=20_000)]
    selector: Selector | None = None
    delay_ms: Annotated[float, Field(ge=0, le=2000)] | None = None
    clear: bool = False
    timeout: Seconds | None = None


class PressKey(Part):
    """Press a key or a chord such as "Shift+Enter"."""

    type: Literal["press_key"]
    key: Annotated[str, Field(min_length=1, max_length=60)]
    times: Annotated[int, Field(ge=1, le=200)] = 1


class DismissPopups(Part):
    """Close cookie banners and dialogs: the given selectors, or the usual ones."""

    type: Literal["dismiss_popups"]
    selectors: tuple[Selector, ...] = ()


ACTIONS: dict[str, type[Part]] = {
    "wait_for_load": WaitForLoad,
    "wait_for_selector": WaitForSelector,
    "wait_for_hidden": WaitForHidden,
    "pause": Pause,
    "scroll": ScrollAction,
    "click_selector": ClickSelector,
    "type_text": TypeText,
    "press_key": PressKey,
    "dismiss_popups": DismissPopups,
}


class UrlContains(Part):
    """The address holds this text."""

    type: Literal["url_contains"]
    value: Annotated[str, Field(min_length=1, validation_alias=AliasChoices("value", "text", "url"))]


class TitleContains(Part):
    """The page's title holds this text."""

    type: Literal["title_contains"]
    value: Annotated[str, Field(min_length=1, validation_alias=AliasChoices("value", "text", "title"))]


class ElementVisible(Part):
    """An element is visible."""

    type: Literal["element_visible"]
    selector: Annotated[str, Field(min_length=1, validation_alias=AliasChoices("selector", "value"))]
    timeout: Seconds | None = None


ASSERTIONS: dict[str, type[Part]] = {
    "url_contains": UrlContains,
    "title_contains": TitleContains,
    "element_visible": ElementVisible,
}

NOT_YET: dict[str, str] = {
    "segments": "slides and demo segments",
    "slides": "slides",
    "intro_clip": "intro clips",
    "outro_clip": "outro clips",
    "preloader_selector": "preloaders",
    "focus_editor": "editor actions",
    "command_palette": "editor actions",
    "terminal_type": "terminal actions",
    "select_all_and_delete": "editor actions",
    "highlight_lines": "editor actions",
    "hide_secondary_sidebar": "editor actions",
}
"""What existing specs may hold and this version does not film yet."""


def expand(path: str, beside: Path) -> Path:
    """Return a path of the spec: `~` is the home folder, a relative one starts at the spec."""
    return (beside / Path(path).expanduser()).absolute()
