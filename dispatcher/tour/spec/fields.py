"""The kinds of fields that the models of a spec share. Opens no page and no file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

MAX_SIDE = 4096
MIN_SIDE = 64
VIEWPORT = (1280, 720)
MAX_ZOOM = 4.0


class SpecPart(BaseModel):
    """The base of every part of a spec: immutable, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Number = Annotated[float, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Switch = Annotated[bool, Field(strict=True)]
Pair = Annotated[list[Whole], Field(min_length=2, max_length=2)]
"""Two whole numbers, as they are written."""

Seconds = Annotated[Number, Field(gt=0, le=3600)]
Rest = Annotated[Number, Field(ge=0, le=600)]
"""Seconds during which nothing is done."""
Selector = Annotated[str, Field(min_length=1, max_length=2000)]
ALTERNATIVE, INSIDE = " || ", " >> "
"""What separates alternatives of a selector, and the steps of a chain of selectors."""

Short = Annotated[str, Field(min_length=1, max_length=100)]
LineNumber = Annotated[Whole, Field(ge=1, le=9_999_999)]
Pace = Annotated[Number, Field(ge=0, le=2000)]
"""Milliseconds between two keys."""


def read_size(value: Any) -> tuple[int, int]:
    """Return width and height, even numbers in the range of a video. Raises ValueError for anything else."""
    if isinstance(value, dict) and set(value) == {"width", "height"}:
        value = (value["width"], value["height"])
    elif isinstance(value, str) and (found := re.fullmatch(r"([0-9]{1,5})\s*[xX×]\s*([0-9]{1,5})", value.strip())):
        value = (int(found[1]), int(found[2]))
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(side) is int for side in value):
        raise ValueError('is not a size; write "1280x720", [1280, 720] or {"width": 1280, "height": 720}')
    for side in value:
        if side % 2 or not MIN_SIDE <= side <= MAX_SIDE:
            raise ValueError(f"contains {side}; a video's sides are even numbers from {MIN_SIDE} to {MAX_SIDE}")
    return value[0], value[1]


class WrittenSize(TypedDict):
    """One way to write a size."""

    width: int
    height: int


Size = Annotated[tuple[int, int], BeforeValidator(read_size, json_schema_input_type=WrittenSize | Pair | str)]
"""Width and height in even pixels, written as {"width", "height"}, "1280x720" or [1280, 720]."""


def _frames(value: Any) -> Any:
    """Return the selectors of nested frames, outermost first; a single one needs no list."""
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


def expand(path: str, beside: Path) -> Path:
    """Return the absolute path for one in the spec: `~/` is the home folder, other relative paths start at the spec."""
    own = Path(path)
    return (beside / (own.expanduser() if own.parts[:1] == ("~",) else own)).absolute()
