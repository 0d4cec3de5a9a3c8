"""What is wrong with slides although each part is well formed: numbers beyond the deck, pictures that are not there.

Works on a spec as it was read, whatever else is wrong with it, so that every problem is told in one go.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dispatcher.tour.parts import expand
from dispatcher.tour.slides.content import MAX_SLIDES, Deck, bounds
from dispatcher.tour.slides.pictures import problem as picture_problem
from dispatcher.tour.spec_file import Problem
from dispatcher.tour.steps import Step


def problems(raw: dict[str, Any], beside: Path) -> list[Problem]:
    """Return what is wrong between the segments and the deck, and with the deck's pictures."""
    segments, deck = _list(raw.get("segments")), raw.get("slides")
    content = deck.get("content") if isinstance(deck, dict) else None
    showing = [(n, segment) for n, segment in enumerate(segments) if _type(segment) == "slides"]
    if deck is None:
        names = ", ".join(str(segment.get("id")) for _, segment in showing[:3])
        return [("$.slides", f"is missing; {names} shows slides: add slides.content")] if showing else []
    found = list(_number(content))
    found += [problem for n, segment in showing if (problem := _beyond(n, segment, len(_list(content))))]
    return found + list(_pictures(_list(content), beside))


def warnings(deck: Deck | None, steps: Sequence[Step]) -> list[str]:
    """Return what is to be said of slides that nobody will see."""
    if deck is None:
        return []
    seen = {number for step in steps if step.show for number in step.show.numbers(deck.content)}
    unseen = [str(n) for n in range(1, len(deck.content) + 1) if n not in seen]
    if not seen:
        return ["the spec has slides, and no segment of type slides shows them"]
    return [f"no segment shows slide(s) {', '.join(unseen)}"] if unseen else []


def _number(content: object) -> Iterator[Problem]:
    if content == []:
        yield "$.slides.content", "holds no slide; add at least one"
    if (count := len(_list(content))) > MAX_SLIDES:
        yield "$.slides.content", f"holds {count} slides; a deck has at most {MAX_SLIDES}: leave some out"


def _beyond(n: int, segment: dict[str, Any], count: int) -> Problem | None:
    """Say that a segment shows slides that do not exist. A range that is none is told of elsewhere."""
    show = segment.get("slides")
    with contextlib.suppress(ValueError):
        first, last = bounds(show.get("range") if isinstance(show, dict) else None)
        if count and max(first, last or first) > count:
            what = f"segment {segment.get('id')!r} shows slide {max(first, last or first)}"
            return f"$.segments[{n}].slides.range", f"{what}, and there are {count}; correct the range"
    return None


def _pictures(content: list[Any], beside: Path) -> Iterator[Problem]:
    for n, slide in enumerate(content):
        key = next((key for key in ("image", "path") if isinstance(slide, dict) and key in slide), "image")
        path = slide.get(key) if _type(slide) == "image" else None
        if isinstance(path, str) and path and (wrong := picture_problem(path, expand(path, beside))):
            yield f"$.slides.content[{n}].{key}", wrong


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _type(part: object) -> object:
    return part.get("type") if isinstance(part, dict) else None
