"""What a spec says of actions with the mouse, with the browser's own boxes, and with tabs: one model each."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from dispatcher.tour.action_base import ActionPart, OnElement, Rest, Seconds, Selector
from dispatcher.tour.parts import Switch, Whole


class Hover(OnElement):
    """Move the cursor to an element and leave it there."""

    type: Literal["hover"]


class DoubleClick(OnElement):
    """Move the cursor to an element and click it twice in quick succession."""

    changes_page = True
    type: Literal["double_click"]


class RightClick(OnElement):
    """Move the cursor to an element and click it with the right button."""

    changes_page = True
    type: Literal["right_click"]


Offset = Annotated[list[float], Field(min_length=2, max_length=2)]
"""A distance as it is written."""


def _offset(value: Any) -> Any:
    """Return the distance of a drag in pixels, to the right and down."""
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(side) in (int, float) for side in value):
        raise ValueError("must be two numbers of pixels, to the right and down: [120, 0]")
    if not all(-10_000 <= side <= 10_000 for side in value) or not any(value):
        raise ValueError("must be a distance: pixels to the right and down, from -10000 to 10000, not both 0")
    return float(value[0]), float(value[1])


class Drag(OnElement):
    """Press the mouse on an element, move it to another element or by a distance, and release it there."""

    changes_page = True
    type: Literal["drag"]
    to: Annotated[Selector | None, Field(validation_alias=AliasChoices("to", "target"))] = None
    by: Annotated[tuple[float, float] | None, BeforeValidator(_offset, json_schema_input_type=Offset | None)] = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.to is None) == (self.by is None):
            raise ValueError('must say where the drag ends, in one way: "to": a selector, or "by": [right, down]')
        return self


def _options(value: Any) -> Any:
    options = [value] if isinstance(value, str) else value
    if not isinstance(options, list | tuple) or not options or not all(isinstance(one, str) for one in options):
        raise ValueError("must be the text or the value of an option, or a list of them")
    if len(options) > 100 or any(len(one) > 1000 for one in options):
        raise ValueError("must be at most 100 options of at most 1000 characters")
    return tuple(options)


class SelectOption(OnElement):
    """Open a drop-down list (a select element), show its options, and choose one by its text or value."""

    changes_page = True
    type: Literal["select_option"]
    option: Annotated[
        tuple[str, ...],
        BeforeValidator(_options, json_schema_input_type=str | list[str]),
        Field(validation_alias=AliasChoices("option", "options", "label", "value", "text")),
    ]


def _paths(value: Any) -> Any:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list | tuple) or not all(isinstance(one, str) and one.strip() for one in paths):
        raise ValueError("must be the path of a file, or a list of paths")
    if not 1 <= len(paths) <= 50:
        raise ValueError("must name 1 to 50 files")
    return tuple(paths)


class Upload(OnElement):
    """Choose files: in a file field, behind a button that asks for files, or with `drop` by dropping them."""

    changes_page = True
    type: Literal["upload"]
    files: Annotated[
        tuple[str, ...],
        BeforeValidator(_paths, json_schema_input_type=str | list[str]),
        Field(validation_alias=AliasChoices("files", "file", "path", "paths")),
    ]
    drop: Switch = False


class DialogAction(ActionPart):
    """Say how the next alert, confirm or prompt is answered; put it before the action that opens the dialog."""

    prepares = True
    type: Literal["dialog"]
    answer: Annotated[Literal["accept", "dismiss"], Field(validation_alias=AliasChoices("answer", "action"))] = "accept"
    text: Annotated[str, Field(max_length=2000)] | None = None
    seconds: Annotated[Rest | None, Field(validation_alias=AliasChoices("seconds", "duration"))] = None

    @model_validator(mode="after")
    def _text_is_accepted(self) -> Self:
        if self.text is not None and self.answer == "dismiss":
            raise ValueError('has a text and is dismissed; remove the text, or write "answer": "accept"')
        return self


class GoBack(ActionPart):
    """Go back to the page before, as the browser's back button does."""

    changes_page = True
    type: Literal["go_back"]
    timeout: Seconds | None = None


class Reload(ActionPart):
    """Load the page again."""

    changes_page = True
    type: Literal["reload"]
    timeout: Seconds | None = None


class SwitchTab(ActionPart):
    """Show another open tab: the first is 1, in the order in which they were opened."""

    changes_page = True
    type: Literal["switch_tab"]
    tab: Annotated[Whole, Field(ge=1, le=50)]


class CloseTab(ActionPart):
    """Close the tab that is shown and return to the one that opened it."""

    changes_page = True
    type: Literal["close_tab"]
