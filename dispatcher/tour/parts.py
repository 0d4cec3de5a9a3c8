"""The parts of a spec that are not steps: what it is about, how it is filmed, spoken and written, and the actions.

What a wrong part is told is put into words in `spec_errors`; nothing here opens a page or a file.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from dispatcher.tour import output_rules, script

MAX_SIDE = 4096
MIN_SIDE = 64


class Part(BaseModel):
    """What every part of a spec shares: it never changes, and keys it does not know are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _size(value: Any) -> tuple[int, int]:
    """Return width and height, each a whole even number that a video can have."""
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


def _scroll_target(value: Any) -> Any:
    if isinstance(value, str) and value.strip():
        return value
    if type(value) in (int, float) and math.isfinite(value) and value >= 0:
        return value
    raise ValueError('must be "bottom", "top", a position in pixels or the selector of an element')


def _lines(value: Any) -> Any:
    """Return first and last line of "3-5", [3, 5] or 4, counted from 1."""
    if value is None:
        return None
    if isinstance(value, str) and (found := re.fullmatch(r"([0-9]{1,7})(?:\s*[-–:]\s*([0-9]{1,7}))?", value.strip())):
        value = [int(found[1]), int(found[2] or found[1])]
    elif type(value) is int:
        value = [value, value]
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(line) is int for line in value):
        raise ValueError('are no lines; write "3-5", [3, 5] or 4')
    if not 1 <= value[0] <= value[1]:
        raise ValueError(f"go from {value[0]} to {value[1]}; lines are counted from 1, the first one first")
    return tuple(value)


Number = Annotated[float, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Switch = Annotated[bool, Field(strict=True)]
Size = Annotated[tuple[int, int], BeforeValidator(_size)]
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


class Settings(Part):
    """How it is filmed and spoken. Times in seconds."""

    viewport: Size = (1280, 720)
    video_size: Size | None = None
    base_url: str | None = None
    mode: Literal["independent", "continuous"] = "independent"
    browser: Literal["chromium"] = "chromium"
    voice: Annotated[str, Field(min_length=1, max_length=64)] = "default"
    speech_speed: Annotated[Number, Field(ge=0.5, le=2)] = 1.0
    language: Annotated[str, Field(min_length=2, max_length=32)] = "en-us"
    lexicon: Annotated[dict[str, str], BeforeValidator(script.checked_lexicon)] = {}
    default_step_timeout: Annotated[Number, Field(gt=0, le=3600)] = 30.0
    max_retries_per_step: Annotated[Whole, Field(ge=0, le=10)] = 2
    preloader_selector: Annotated[str, Field(min_length=1, max_length=2000)] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Return the size of the film: the viewport's unless said otherwise."""
        return self.video_size or self.viewport


class InsertClip(Part):
    """A film from elsewhere, shown before the first step or after the last."""

    path: Annotated[str, Field(min_length=1)]
    title: Annotated[str, Field(min_length=1)] | None = None


Insert = Annotated[InsertClip | None, BeforeValidator(output_rules.clip)]
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
    audio_bitrate: Annotated[str, BeforeValidator(output_rules.bitrate)] = "192k"
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


class Scroll(Part):
    """A scroll at the start of a step."""

    to: Annotated[str | float, BeforeValidator(_scroll_target)] = "bottom"
    speed: Literal["slow", "normal", "fast"] = "normal"
    pause_at_bottom: Annotated[Number, Field(ge=0, le=600)] = 0.0


Seconds = Annotated[Number, Field(gt=0, le=3600)]
Selector = Annotated[str, Field(min_length=1, max_length=2000)]
Short = Annotated[str, Field(min_length=1, max_length=100)]
LineNumber = Annotated[Whole, Field(ge=1, le=9_999_999)]
Pace = Annotated[Number, Field(ge=0, le=2000)]
"""Milliseconds between two keys."""


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
    seconds: Annotated[Number, Field(ge=0, le=600, validation_alias=AliasChoices("seconds", "duration"))]


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
    delay_ms: Pace | None = None
    clear: Switch = False
    timeout: Seconds | None = None


class PressKey(Part):
    """Press a key or a chord such as "Shift+Enter"."""

    type: Literal["press_key"]
    key: Annotated[str, Field(min_length=1, max_length=60)]
    times: Annotated[Whole, Field(ge=1, le=200)] = 1


class DismissPopups(Part):
    """Close cookie banners and dialogs: the given selectors, or the usual ones."""

    type: Literal["dismiss_popups"]
    selectors: tuple[Selector, ...] = ()


class FocusEditor(Part):
    """Put the text cursor into a code editor: where it was, or at a line (and column, else the line's end)."""

    type: Literal["focus_editor"]
    selector: Selector | None = None
    line: LineNumber | None = None
    column: LineNumber | None = None
    timeout: Seconds | None = None

    @model_validator(mode="after")
    def _column_of_a_line(self) -> Self:
        if self.column is not None and self.line is None:
            raise ValueError("has a column and no line; add the line")
        return self


class CommandPalette(Part):
    """Open the application's command palette, type a command's name, and run it."""

    type: Literal["command_palette"]
    command: Annotated[
        str, Field(min_length=1, max_length=500, validation_alias=AliasChoices("command", "text", "value"))
    ]
    key: Annotated[Short | None, Field(validation_alias=AliasChoices("key", "shortcut"))] = None
    submit: Annotated[Switch, Field(validation_alias=AliasChoices("submit", "press_enter"))] = True
    delay_ms: Pace | None = None
    timeout: Seconds | None = None


class TerminalType(Part):
    """Type a command into the page's terminal, once it is ready, and wait for what it prints."""

    type: Literal["terminal_type"]
    text: Annotated[str, Field(max_length=20_000, validation_alias=AliasChoices("text", "command", "value"))]
    selector: Selector | None = None
    press_enter: Annotated[Switch, Field(validation_alias=AliasChoices("press_enter", "submit", "enter"))] = True
    delay_ms: Pace | None = None
    wait_for: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    echo: Switch = True
    timeout: Seconds | None = None


class SelectAllAndDelete(Part):
    """Empty a code editor or a field."""

    type: Literal["select_all_and_delete"]
    selector: Selector | None = None
    timeout: Seconds | None = None


class HighlightLines(Part):
    """Colour lines of a code editor: for `seconds`, else to the end of the step."""

    type: Literal["highlight_lines"]
    lines: Annotated[tuple[int, int] | None, BeforeValidator(_lines)] = None
    start: Annotated[LineNumber | None, Field(validation_alias=AliasChoices("start", "from", "line"))] = None
    end: Annotated[LineNumber | None, Field(validation_alias=AliasChoices("end", "to"))] = None
    selector: Selector | None = None
    seconds: Annotated[Seconds | None, Field(validation_alias=AliasChoices("seconds", "duration"))] = None
    color: Annotated[Short | None, Field(validation_alias=AliasChoices("color", "colour"))] = None
    timeout: Seconds | None = None

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if (self.lines is None) == (self.start is None):
            raise ValueError('must say which lines, in one way; write "lines": "3-5", or "start": 3 and "end": 5')
        if self.end is not None and (self.start is None or self.end < self.start):
            raise ValueError("has an end that does not come after its start; correct one of them")
        return self

    @property
    def span(self) -> tuple[int, int]:
        """Return the first and the last line, counted from 1."""
        first = self.start or 1
        return self.lines or (first, self.end or first)


class HideSecondarySidebar(Part):
    """Hide the side bar on the right, if it is shown."""

    type: Literal["hide_secondary_sidebar"]
    selector: Selector | None = None
    timeout: Seconds | None = None


Action = Annotated[
    WaitForLoad
    | WaitForSelector
    | WaitForHidden
    | Pause
    | ScrollAction
    | ClickSelector
    | TypeText
    | PressKey
    | DismissPopups
    | FocusEditor
    | CommandPalette
    | TerminalType
    | SelectAllAndDelete
    | HighlightLines
    | HideSecondarySidebar,
    Field(discriminator="type"),
]

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
    "focus_editor": FocusEditor,
    "command_palette": CommandPalette,
    "terminal_type": TerminalType,
    "select_all_and_delete": SelectAllAndDelete,
    "highlight_lines": HighlightLines,
    "hide_secondary_sidebar": HideSecondarySidebar,
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


Assertion = Annotated[UrlContains | TitleContains | ElementVisible, Field(discriminator="type")]

ASSERTIONS: dict[str, type[Part]] = {
    "url_contains": UrlContains,
    "title_contains": TitleContains,
    "element_visible": ElementVisible,
}


def expand(path: str, beside: Path) -> Path:
    """Return a path of the spec: `~/` is the home folder, a relative one starts at the spec."""
    own = Path(path)
    return (beside / (own.expanduser() if own.parts[:1] == ("~",) else own)).absolute()
