"""Values of actions that may be written in several ways: each function returns the one form that the models hold.

Raises ValueError, with the ways to write the value, for anything else.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import Field

from dispatcher.tour.spec.fields import Number, SpecPart

WrittenOffset = Annotated[list[float], Field(min_length=2, max_length=2)]
"""A distance as it is written."""


class Position(SpecPart):
    """A position to scroll to, in pixels from the left and from the top; without one of them that direction is kept."""

    x: Annotated[Number, Field(ge=0)] | None = None
    y: Annotated[Number, Field(ge=0)] | None = None


def _is_position(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0


def scroll_target(value: Any) -> Any:
    """Return a number, or an object with x and y, as a Position; a text is returned as it is."""
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


def lines(value: Any) -> Any:
    """Return first and last line of "3-5", [3, 5] or 4, counted from 1."""
    if value is None:
        return None
    if isinstance(value, str) and (found := re.fullmatch(r"([0-9]{1,7})(?:\s*[-–:]\s*([0-9]{1,7}))?", value.strip())):
        value = [int(found[1]), int(found[2] or found[1])]
    elif type(value) is int:
        value = [value, value]
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(line) is int for line in value):
        raise ValueError('are not line numbers; write "3-5", [3, 5] or 4')
    if not 1 <= value[0] <= value[1]:
        raise ValueError(f"go from {value[0]} to {value[1]}; lines are counted from 1, and the first one comes first")
    return tuple(value)


def offset(value: Any) -> Any:
    """Return the distance of a drag in pixels, to the right and down."""
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(side) in (int, float) for side in value):
        raise ValueError("must be two numbers of pixels, to the right and down: [120, 0]")
    if not all(-10_000 <= side <= 10_000 for side in value) or not any(value):
        raise ValueError("must be a distance: pixels to the right and down, from -10000 to 10000, not both 0")
    return float(value[0]), float(value[1])


def options(value: Any) -> Any:
    """Return the options to choose as a tuple; a single one needs no list."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(one, str) for one in names):
        raise ValueError("must be the text or the value of an option, or a list of them")
    if len(names) > 100 or any(len(one) > 1000 for one in names):
        raise ValueError("must be at most 100 options of at most 1000 characters")
    return tuple(names)


def paths(value: Any) -> Any:
    """Return the paths of files as a tuple; a single one needs no list."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) and one.strip() for one in names):
        raise ValueError("must be the path of a file, or a list of paths")
    if not 1 <= len(names) <= 50:
        raise ValueError("must name 1 to 50 files")
    return tuple(names)
