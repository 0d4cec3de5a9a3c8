"""Problems of slides that only show in context: numbers beyond the deck, missing images.

Works on the raw spec, whatever else is wrong with it, so that all problems are reported together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dispatcher.tour.spec.fields import expand
from dispatcher.tour.spec.json_file import Problem
from dispatcher.tour.spec.slide_models import MAX_SLIDES, Deck, bounds
from dispatcher.tour.spec.steps import TourStep

MAX_BYTES = 16_000_000
_IMAGE_TYPES: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypavif", 4, "image/avif"),
)
"""The bytes by which an image type is recognised, and their offset."""

_KNOWN_TYPES = "png, jpeg, gif, webp, avif or svg"


def problems(raw: dict[str, Any], beside: Path) -> list[Problem]:
    """Return the problems between the segments and the deck, and those of the deck's images."""
    segments, deck = _list(raw.get("segments")), raw.get("slides")
    content = deck.get("content") if isinstance(deck, dict) else None
    showing = [(n, segment) for n, segment in enumerate(segments) if _type(segment) == "slides"]
    if deck is None:
        names = ", ".join(str(segment.get("id")) for _, segment in showing[:3])
        return [("$.slides", f"is missing, but {names} shows slides: add slides.content")] if showing else []
    found = list(_number(content))
    found += [problem for n, segment in showing if (problem := _beyond(n, segment, len(_list(content))))]
    return found + list(_images(_list(content), beside))


def warnings(deck: Deck | None, steps: Sequence[TourStep]) -> list[str]:
    """Return a warning for slides that are never shown."""
    if deck is None:
        return []
    seen = {number for step in steps if step.show for number in step.show.numbers(deck.content)}
    unseen = [str(n) for n in range(1, len(deck.content) + 1) if n not in seen]
    if not seen:
        return ["the spec has slides, but no segment of type slides shows them"]
    return [f"no segment shows slide(s) {', '.join(unseen)}"] if unseen else []


def _number(content: object) -> Iterator[Problem]:
    if content == []:
        yield "$.slides.content", "has no slide; add at least one"
    if (count := len(_list(content))) > MAX_SLIDES:
        yield "$.slides.content", f"has {count} slides; a deck has at most {MAX_SLIDES}: remove some"


def _beyond(n: int, segment: dict[str, Any], count: int) -> Problem | None:
    """Return a problem if a segment shows slides that do not exist. A malformed range is reported elsewhere."""
    show = segment.get("slides")
    with contextlib.suppress(ValueError):
        first, last = bounds(show.get("range") if isinstance(show, dict) else None)
        if count and max(first, last or first) > count:
            what = f"segment {segment.get('id')!r} shows slide {max(first, last or first)}"
            return f"$.segments[{n}].slides.range", f"{what}, but there are only {count}; correct the range"
    return None


def _images(content: list[Any], beside: Path) -> Iterator[Problem]:
    for n, slide in enumerate(content):
        key = next((key for key in ("image", "path") if isinstance(slide, dict) and key in slide), "image")
        path = slide.get(key) if _type(slide) == "image" else None
        if isinstance(path, str) and path and (wrong := image_problem(path, expand(path, beside))):
            yield f"$.slides.content[{n}].{key}", wrong


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _type(part: object) -> object:
    return part.get("type") if isinstance(part, dict) else None


def image_problem(written: str, path: Path) -> str | None:
    """Return why an image cannot be shown, or None if it can."""
    if written.casefold().startswith(("http:", "https:", "data:")):
        return f"{written[:60]!r} is an address; save the image next to the spec and name that file"
    try:
        if not path.is_file():
            return f"{written!r} does not exist ({path}); correct the path, which starts at the spec"
        if (size := path.stat().st_size) > MAX_BYTES:
            return f"{written!r} has {size / 1e6:.0f} MB; reduce it to less than {MAX_BYTES / 1e6:.0f} MB"
        return (
            None
            if image_type(path)
            else f"{written!r} is not an image that a browser shows; give a {_KNOWN_TYPES} file"
        )
    except OSError as error:  # no permission, or a name that no file system allows
        return f"{written[:60]!r} cannot be read ({error.strerror}); give a file that you may read"


def image_type(path: Path) -> str | None:
    """Return an image's media type by its content, not by its name."""
    with path.open("rb") as file:
        head = file.read(1024)
    found = next((name for mark, at, name in _IMAGE_TYPES if head[at : at + len(mark)] == mark), None)
    return found or ("image/svg+xml" if b"<svg" in head else None)
