"""The actions of a spec on code editors, terminals and the applications around them: one model each."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from dispatcher.tour.spec import action_values
from dispatcher.tour.spec.action_models import ActionModel
from dispatcher.tour.spec.fields import LineNumber, Pace, Pair, Seconds, Selector, Short, Switch


class FocusEditor(ActionModel):
    """Focus a code editor, at the last position of the text cursor or at a line (and column, by default its end)."""

    type: Literal["focus_editor"]
    selector: Selector | None = None
    line: LineNumber | None = None
    column: LineNumber | None = None
    timeout: Seconds | None = None

    @model_validator(mode="after")
    def _column_of_a_line(self) -> Self:
        if self.column is not None and self.line is None:
            raise ValueError("has a column but no line; add the line")
        return self


class CommandPalette(ActionModel):
    """Open the application's command palette, type a command's name, and run it; an empty name runs the first entry."""

    changes_page = uses_keyboard = True
    type: Literal["command_palette"]
    command: Annotated[str, Field(max_length=500, validation_alias=AliasChoices("command", "text", "value"))]
    key: Annotated[Short | None, Field(validation_alias=AliasChoices("key", "shortcut"))] = None
    submit: Annotated[Switch, Field(validation_alias=AliasChoices("submit", "press_enter"))] = True
    delay_ms: Pace | None = None
    timeout: Seconds | None = None


class TerminalType(ActionModel):
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


class SelectAllAndDelete(ActionModel):
    """Empty a code editor or a field."""

    changes_page = uses_keyboard = True
    type: Literal["select_all_and_delete"]
    selector: Selector | None = None
    timeout: Seconds | None = None


class HighlightLines(ActionModel):
    """Highlight lines of a code editor: for `seconds`, or until the end of the step."""

    type: Literal["highlight_lines"]
    lines: Annotated[
        tuple[int, int] | None, BeforeValidator(action_values.lines, json_schema_input_type=Pair | str | int | None)
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
            raise ValueError('must name the lines in one way: "lines": "3-5", or "start": 3 and "end": 5')
        if self.end is not None and (self.start is None or self.end < self.start):
            raise ValueError("has an end before its start; correct one of them")
        return self

    @property
    def span(self) -> tuple[int, int]:
        """Return the first and the last line, counted from 1."""
        first = self.start or 1
        return self.lines or (first, self.end or first)

    @property
    def least_s(self) -> float:
        """Return how long the lines stay highlighted during the action."""
        return self.seconds or 0.0


class HideSecondarySidebar(ActionModel):
    """Hide the side bar on the right, if it is visible."""

    waits = True
    type: Literal["hide_secondary_sidebar"]
    selector: Selector | None = None
    timeout: Seconds | None = None
