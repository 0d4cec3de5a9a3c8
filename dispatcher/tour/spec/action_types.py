"""Every action and assertion of a spec: the two unions are the only lists of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AliasChoices, Field

from dispatcher.tour.spec import action_models as action
from dispatcher.tour.spec import editor_action_models as editor
from dispatcher.tour.spec.fields import Frame, Seconds, SpecPart

Action = Annotated[
    action.WaitForLoad
    | action.WaitForSelector
    | action.WaitForHidden
    | action.Pause
    | action.ScrollAction
    | action.ClickSelector
    | action.TypeText
    | action.PressKey
    | action.DismissPopups
    | editor.FocusEditor
    | editor.CommandPalette
    | editor.TerminalType
    | editor.SelectAllAndDelete
    | editor.HighlightLines
    | editor.HideSecondarySidebar
    | action.Hover
    | action.DoubleClick
    | action.RightClick
    | action.Drag
    | action.SelectOption
    | action.Upload
    | action.DialogAction
    | action.GoBack
    | action.Reload
    | action.SwitchTab
    | action.CloseTab,
    Field(discriminator="type"),
]

"""One action of a step."""


class UrlContains(SpecPart):
    """The page's address contains this text."""

    type: Literal["url_contains"]
    value: Annotated[str, Field(min_length=1, validation_alias=AliasChoices("value", "text", "url"))]


class TitleContains(SpecPart):
    """The page's title contains this text."""

    type: Literal["title_contains"]
    value: Annotated[str, Field(min_length=1, validation_alias=AliasChoices("value", "text", "title"))]


class ElementVisible(SpecPart):
    """An element is visible."""

    type: Literal["element_visible"]
    selector: Annotated[str, Field(min_length=1, validation_alias=AliasChoices("selector", "value"))]
    frame: Frame = ()
    timeout: Seconds | None = None


Assertion = Annotated[UrlContains | TitleContains | ElementVisible, Field(discriminator="type")]
"""One assertion of a step."""


def _by_type(union: Any) -> dict[str, Any]:
    """Return the models of a union by the value of their `type`."""
    models = get_args(get_args(union)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in models}


ACTIONS: dict[str, type[action.ActionModel]] = _by_type(Action)
ASSERTIONS: dict[str, type[SpecPart]] = _by_type(Assertion)
