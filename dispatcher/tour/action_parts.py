"""What a spec says of actions and assertions: one model each, and the table of all of them.

What a wrong one is told is put into words in `spec_errors`; what they do is in `actions`, `assertions` and `editors`.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from dispatcher.tour.action_base import ActionPart, Frame, LineNumber, OnElement, Pace, Rest, Seconds, Selector, Short
from dispatcher.tour.page_action_parts import (
    CloseTab,
    DialogAction,
    DoubleClick,
    Drag,
    GoBack,
    Hover,
    Reload,
    RightClick,
    SelectOption,
    SwitchTab,
    Upload,
)
from dispatcher.tour.parts import Number, Pair, Part, Switch, Whole


class Position(Part):
    """A position to scroll to, in pixels from the left and from the top; a direction that is not given stays."""

    x: Annotated[Number, Field(ge=0)] | None = None
    y: Annotated[Number, Field(ge=0)] | None = None


def _is_position(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0


def _scroll_target(value: Any) -> Any:
    """Return a number, or an object of x and y, as a position; a text and a position stay as they are."""
    if isinstance(value, Position) or (isinstance(value, str) and value.strip()):
        return value
    if _is_position(value):
        return Position(y=value)
    if isinstance(value, dict):
        if value and set(value) <= {"x", "y"} and all(map(_is_position, value.values())):
            return Position(**value)
        raise ValueError('must be {"x": 600}, {"y": 300} or both, in pixels from the left and the top')
    raise ValueError(
        'must be "bottom", "top", "left", "right", a position in pixels (300 or {"x": 600}) or an element\'s selector'
    )


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


class Scroll(Part):
    """A scroll of the page, or of the box that `selector` names."""

    to: Annotated[str | Position, BeforeValidator(_scroll_target, json_schema_input_type=str | float | Position)] = (
        "bottom"
    )
    selector: Selector | None = None
    speed: Literal["slow", "normal", "fast"] = "normal"
    pause_at_bottom: Rest = 0.0

    @property
    def is_vertical(self) -> bool:
        """Say whether it scrolls up or down rather than sideways; a selector's element is scrolled to in both."""
        return self.to not in ("left", "right") if isinstance(self.to, str) else self.to.y is not None


class WaitForLoad(ActionPart):
    """Wait until the page has loaded and painted."""

    waits = True
    type: Literal["wait_for_load"]
    timeout: Seconds | None = None


class WaitForSelector(OnElement):
    """Wait until an element is visible, or in another `state`."""

    waits = True
    type: Literal["wait_for_selector"]
    state: Literal["visible", "hidden", "attached", "detached"] = "visible"


class WaitForHidden(OnElement):
    """Wait until an element is gone or hidden."""

    waits = True
    type: Literal["wait_for_hidden"]


class Pause(ActionPart):
    """Do nothing for a while."""

    type: Literal["pause"]
    seconds: Annotated[Rest, Field(validation_alias=AliasChoices("seconds", "duration"))]


class ScrollAction(Scroll, ActionPart):
    """Scroll the page or a box in it smoothly to an edge, a position in pixels, or an element."""

    type: Literal["scroll"]


class ClickSelector(OnElement):
    """Move the cursor to an element and click it."""

    changes_page = True
    type: Literal["click_selector"]


class TypeText(ActionPart):
    """Type a text as a person would, into the focused element or into `selector`."""

    changes_page = uses_keyboard = True
    type: Literal["type_text"]
    text: Annotated[str, Field(max_length=20_000)]
    selector: Selector | None = None
    frame: Frame = ()
    delay_ms: Pace | None = None
    clear: Switch = False
    timeout: Seconds | None = None


class PressKey(ActionPart):
    """Press a key or a chord such as "Shift+Enter"."""

    changes_page = uses_keyboard = True
    type: Literal["press_key"]
    key: Annotated[str, Field(min_length=1, max_length=60)]
    times: Annotated[Whole, Field(ge=1, le=200)] = 1


class DismissPopups(ActionPart):
    """Close cookie banners and dialogs: the given selectors, or the usual ones."""

    changes_page = waits = True
    type: Literal["dismiss_popups"]
    selectors: tuple[Selector, ...] = ()


class FocusEditor(ActionPart):
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


class CommandPalette(ActionPart):
    """Open the application's command palette, type a command's name, and run it. An empty name runs what is on top."""

    changes_page = uses_keyboard = True
    type: Literal["command_palette"]
    command: Annotated[str, Field(max_length=500, validation_alias=AliasChoices("command", "text", "value"))]
    key: Annotated[Short | None, Field(validation_alias=AliasChoices("key", "shortcut"))] = None
    submit: Annotated[Switch, Field(validation_alias=AliasChoices("submit", "press_enter"))] = True
    delay_ms: Pace | None = None
    timeout: Seconds | None = None


class TerminalType(ActionPart):
    """Type a command into the page's terminal, once it is ready, and wait for what it prints."""

    changes_page = uses_keyboard = True
    type: Literal["terminal_type"]
    text: Annotated[str, Field(max_length=20_000, validation_alias=AliasChoices("text", "command", "value"))]
    selector: Selector | None = None
    press_enter: Annotated[Switch, Field(validation_alias=AliasChoices("press_enter", "submit", "enter"))] = True
    delay_ms: Pace | None = None
    wait_for: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    echo: Switch = True
    timeout: Seconds | None = None


class SelectAllAndDelete(ActionPart):
    """Empty a code editor or a field."""

    changes_page = uses_keyboard = True
    type: Literal["select_all_and_delete"]
    selector: Selector | None = None
    timeout: Seconds | None = None


class HighlightLines(ActionPart):
    """Colour lines of a code editor: for `seconds`, else to the end of the step."""

    type: Literal["highlight_lines"]
    lines: Annotated[
        tuple[int, int] | None, BeforeValidator(_lines, json_schema_input_type=Pair | str | int | None)
    ] = None
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


class HideSecondarySidebar(ActionPart):
    """Hide the side bar on the right, if it is shown."""

    waits = True
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
    | HideSecondarySidebar
    | Hover
    | DoubleClick
    | RightClick
    | Drag
    | SelectOption
    | Upload
    | DialogAction
    | GoBack
    | Reload
    | SwitchTab
    | CloseTab,
    Field(discriminator="type"),
]

ACTIONS: dict[str, type[ActionPart]] = {
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
    "hover": Hover,
    "double_click": DoubleClick,
    "right_click": RightClick,
    "drag": Drag,
    "select_option": SelectOption,
    "upload": Upload,
    "dialog": DialogAction,
    "go_back": GoBack,
    "reload": Reload,
    "switch_tab": SwitchTab,
    "close_tab": CloseTab,
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
    frame: Frame = ()
    timeout: Seconds | None = None


Assertion = Annotated[UrlContains | TitleContains | ElementVisible, Field(discriminator="type")]

ASSERTIONS: dict[str, type[Part]] = {
    "url_contains": UrlContains,
    "title_contains": TitleContains,
    "element_visible": ElementVisible,
}
