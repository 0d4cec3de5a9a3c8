"""The actions of a spec on pages: one model each, with the traits by which the recorder treats it.

Messages for wrong values come from `error_messages`; what an action does is in `dispatcher.tour.actions`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from dispatcher.tour.spec import action_values
from dispatcher.tour.spec.action_values import Position, WrittenOffset
from dispatcher.tour.spec.fields import Frame, Pace, Rest, Seconds, Selector, SpecPart, Switch, Whole
from dispatcher.tour.spec.typing_pace import typing_seconds


class ActionModel(SpecPart):
    """The base of all actions, and their traits."""

    changes_page: ClassVar[bool] = False
    """The page may differ afterwards: a continuous step cannot be recorded again once this has started."""

    waits: ClassVar[bool] = False
    """At the start of a step that opens a page, it is part of opening the page and is not recorded."""

    prepares: ClassVar[bool] = False
    """It only announces something: at the start of a step it is done before the page is opened."""

    uses_keyboard: ClassVar[bool] = False
    """It acts where the pointer was last, so the camera stays there."""

    keeps_list_open: ClassVar[bool] = False
    """It may act in an open drop-down list; any other action closes the list first."""

    optional: Switch = False

    @property
    def least_s(self) -> float:
        """Return how many seconds the action takes at least."""
        return 0.0


class ElementAction(ActionModel):
    """An action on the first visible element that matches."""

    selector: Selector
    frame: Frame = ()
    timeout: Seconds | None = None


class WaitForLoad(ActionModel):
    """Wait until the page has loaded and painted."""

    waits = True
    type: Literal["wait_for_load"]
    timeout: Seconds | None = None


class WaitForSelector(ElementAction):
    """Wait until an element is visible, or in another `state`."""

    waits = True
    type: Literal["wait_for_selector"]
    state: Literal["visible", "hidden", "attached", "detached"] = "visible"


class WaitForHidden(ElementAction):
    """Wait until an element is gone or hidden."""

    waits = True
    type: Literal["wait_for_hidden"]


class Pause(ActionModel):
    """Do nothing for a while."""

    keeps_list_open = True
    type: Literal["pause"]
    seconds: Annotated[Rest, Field(validation_alias=AliasChoices("seconds", "duration"))]

    @property
    def least_s(self) -> float:
        """Return the length of the pause."""
        return self.seconds


class Scroll(SpecPart):
    """A scroll of the page, or of the box that `selector` names."""

    to: Annotated[
        str | Position, BeforeValidator(action_values.scroll_target, json_schema_input_type=str | float | Position)
    ] = "bottom"
    selector: Selector | None = None
    speed: Literal["slow", "normal", "fast"] = "normal"
    pause_at_bottom: Rest = 0.0

    @property
    def is_vertical(self) -> bool:
        """Say whether it scrolls vertically; an element is scrolled to in both directions."""
        return self.to not in ("left", "right") if isinstance(self.to, str) else self.to.y is not None


class ScrollAction(Scroll, ActionModel):
    """Scroll the page or a box in it smoothly to an edge, a position in pixels, or an element."""

    type: Literal["scroll"]

    @property
    def least_s(self) -> float:
        """Return the pause at the end of the scroll."""
        return self.pause_at_bottom


class ClickSelector(ElementAction):
    """Move the pointer to an element and click it."""

    changes_page = keeps_list_open = True
    type: Literal["click_selector"]


class Hover(ElementAction):
    """Move the pointer to an element and leave it there."""

    type: Literal["hover"]


class DoubleClick(ElementAction):
    """Move the pointer to an element and click it twice in quick succession."""

    changes_page = True
    type: Literal["double_click"]


class RightClick(ElementAction):
    """Move the pointer to an element and click it with the right button."""

    changes_page = True
    type: Literal["right_click"]


class Drag(ElementAction):
    """Press the mouse on an element, move it to another element or by a distance, and release it there."""

    changes_page = True
    type: Literal["drag"]
    to: Annotated[Selector | None, Field(validation_alias=AliasChoices("to", "target"))] = None
    by: Annotated[
        tuple[float, float] | None, BeforeValidator(action_values.offset, json_schema_input_type=WrittenOffset | None)
    ] = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.to is None) == (self.by is None):
            raise ValueError('must name the end of the drag in one way: "to": a selector, or "by": [right, down]')
        return self


class TypeText(ActionModel):
    """Type text as a person would, into the focused element or into `selector`."""

    changes_page = uses_keyboard = True
    type: Literal["type_text"]
    text: Annotated[str, Field(max_length=20_000)]
    selector: Selector | None = None
    frame: Frame = ()
    delay_ms: Pace | None = None
    clear: Switch = False
    timeout: Seconds | None = None

    @property
    def least_s(self) -> float:
        """Return how long the typing takes."""
        return typing_seconds(self.text, self.delay_ms)


class PressKey(ActionModel):
    """Press a key or a chord such as "Shift+Enter"."""

    changes_page = uses_keyboard = keeps_list_open = True
    type: Literal["press_key"]
    key: Annotated[str, Field(min_length=1, max_length=60)]
    times: Annotated[Whole, Field(ge=1, le=200)] = 1


class SelectOption(ElementAction):
    """Open a drop-down list (a select element), show its options, and choose one by its text or value."""

    changes_page = keeps_list_open = True
    type: Literal["select_option"]
    option: Annotated[
        tuple[str, ...],
        BeforeValidator(action_values.options, json_schema_input_type=str | list[str]),
        Field(validation_alias=AliasChoices("option", "options", "label", "value", "text")),
    ]


class Upload(ElementAction):
    """Choose files in a file field or after a click on a button, or with `drop` by dropping them."""

    changes_page = True
    type: Literal["upload"]
    files: Annotated[
        tuple[str, ...],
        BeforeValidator(action_values.paths, json_schema_input_type=str | list[str]),
        Field(validation_alias=AliasChoices("files", "file", "path", "paths")),
    ]
    drop: Switch = False


class DismissPopups(ActionModel):
    """Accept cookie banners and close dialogs: those of the given selectors, or the usual ones."""

    changes_page = waits = True
    type: Literal["dismiss_popups"]
    selectors: tuple[Selector, ...] = ()


class DialogAction(ActionModel):
    """Answer the next alert, confirm or prompt in this way; this action comes before the one that opens the dialog."""

    prepares = True
    type: Literal["dialog"]
    answer: Annotated[Literal["accept", "dismiss"], Field(validation_alias=AliasChoices("answer", "action"))] = "accept"
    text: Annotated[str, Field(max_length=2000)] | None = None
    seconds: Annotated[Rest | None, Field(validation_alias=AliasChoices("seconds", "duration"))] = None

    @model_validator(mode="after")
    def _text_is_accepted(self) -> Self:
        if self.text is not None and self.answer == "dismiss":
            raise ValueError('has text but is dismissed; remove the text, or write "answer": "accept"')
        return self


class GoBack(ActionModel):
    """Go back to the previous page, like the browser's back button."""

    changes_page = True
    type: Literal["go_back"]
    timeout: Seconds | None = None


class Reload(ActionModel):
    """Reload the page."""

    changes_page = True
    type: Literal["reload"]
    timeout: Seconds | None = None


class SwitchTab(ActionModel):
    """Switch to another open tab; they are numbered from 1 in the order in which they were opened."""

    changes_page = True
    type: Literal["switch_tab"]
    tab: Annotated[Whole, Field(ge=1, le=50)]


class CloseTab(ActionModel):
    """Close the current tab and return to the one that opened it."""

    changes_page = True
    type: Literal["close_tab"]
