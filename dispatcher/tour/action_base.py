"""What the models of actions and assertions share: the kinds of fields, and what each action says of itself."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from dispatcher.tour.parts import Number, Part, Switch, Whole

Seconds = Annotated[Number, Field(gt=0, le=3600)]
Rest = Annotated[Number, Field(ge=0, le=600)]
"""Seconds during which nothing is done."""
Selector = Annotated[str, Field(min_length=1, max_length=2000)]
Short = Annotated[str, Field(min_length=1, max_length=100)]
LineNumber = Annotated[Whole, Field(ge=1, le=9_999_999)]
Pace = Annotated[Number, Field(ge=0, le=2000)]
"""Milliseconds between two keys."""


def _frames(value: Any) -> Any:
    """Return the selectors of nested frames, the outermost first; one frame may be written without a list."""
    if value is None:
        return ()
    selectors = [value] if isinstance(value, str) else value
    if not isinstance(selectors, list | tuple) or not selectors or not all(_is_selector(one) for one in selectors):
        raise ValueError('must be the selector of an iframe, or a list of selectors, outermost first: "#payment"')
    return tuple(selectors)


def _is_selector(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 2000


Frame = Annotated[tuple[str, ...], BeforeValidator(_frames, json_schema_input_type=str | list[str] | None)]
"""The iframes to enter before a selector is looked up; empty for the page itself."""


class ActionPart(Part):
    """An action, and how the recorder treats it."""

    changes_page: ClassVar[bool] = False
    """The page may differ afterwards: a continuous step cannot be recorded again once this has begun."""

    waits: ClassVar[bool] = False
    """At the start of a step that opens a page, it belongs to opening the page and is not recorded."""

    prepares: ClassVar[bool] = False
    """It only says what will happen: at the start of a step it is done before the page is opened."""

    uses_keyboard: ClassVar[bool] = False
    """It goes on where the mouse was last, so the camera stays there."""

    optional: Switch = False


class OnElement(ActionPart):
    """An action on the first visible element that matches."""

    selector: Selector
    frame: Frame = ()
    timeout: Seconds | None = None
