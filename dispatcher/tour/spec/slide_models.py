"""The slides of a spec: the deck, each type of slide, and which slides a segment shows. Opens no file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Discriminator, Field, Tag
from typing_extensions import TypedDict

from dispatcher.tour.spec.fields import Number, Pair, SpecPart
from protocol.layout import check_portable_name

MAX_SLIDES = 500
MAX_CACHE_KEY = 64
MAX_CODE_LINES = 60
THEMES = ("light", "dark", "paper", "aurora")
OTHER_NAMES = {"content": "bullets", "bullet": "bullets", "bullet_points": "bullets", "two_column": "two-column"}
"""Names of slide types in existing specs, and ours."""

Bounds = tuple[int, int | None]
"""First and last slide, counted from 1; None is the deck's last."""


class WrittenBounds(TypedDict, total=False):
    """One way to write a range of slides."""

    start: int
    end: int | None


def _theme(value: Any) -> Any:
    if value not in THEMES:
        raise ValueError(f"there is no theme {value!r}; there are: {', '.join(THEMES)}")
    return value


def bounds(value: Any) -> Bounds:
    """Return the first and last slide of a range. Raises ValueError, with the ways to write one, for anything else."""
    if value is None:
        return 1, None
    if isinstance(value, dict) and value and set(value) <= {"start", "end"}:
        first, last = value.get("start", 1), value.get("end")
    elif isinstance(value, str) and (found := re.fullmatch(r"([0-9]{1,6})(?:\s*[-–]\s*([0-9]{1,6}))?", value.strip())):
        first, last = int(found[1]), int(found[2] or found[1])
    elif isinstance(value, list | tuple) and len(value) == 2:
        first, last = value
    else:
        first = last = value
    if type(first) is not int or (last is not None and type(last) is not int):
        raise ValueError('is not a range of slides; write [2, 4], "2-4", 3 or {"start": 2, "end": 4}')
    if first < 1 or (last is not None and last < 1):
        raise ValueError(f"has slide {min(first, first if last is None else last)}; slides are counted from 1")
    if last is not None and last < first:
        raise ValueError(f"goes from {first} back to {last}; write the first slide first")
    return first, last


Title = Annotated[str, Field(max_length=300)]
Line = Annotated[str, Field(max_length=600)]
Lines = Annotated[tuple[Line, ...], Field(max_length=30)]


class Slide(SpecPart):
    """The fields of every slide. Text is shown as it is, without markup."""

    title: Title = ""
    subtitle: Line = ""
    bullet_points: Lines = ()


class TitleSlide(Slide):
    """The first slide of a talk: a large title."""

    type: Literal["title"]


class BulletsSlide(Slide):
    """A heading and a list; a slide without a type is one."""

    type: Literal["bullets"] = "bullets"


class SectionSlide(Slide):
    """The beginning of a part."""

    type: Literal["section"]


class QuoteSlide(Slide):
    """A quotation and its author."""

    type: Literal["quote"]
    quote: Annotated[str, Field(min_length=1, max_length=1500, validation_alias=AliasChoices("quote", "text"))]
    author: Annotated[Line, Field(validation_alias=AliasChoices("author", "attribution"))] = ""


def _few_lines(code: str) -> str:
    if (lines := len(code.strip("\n").split("\n"))) > MAX_CODE_LINES:
        raise ValueError(f"has {lines} lines; a slide shows at most {MAX_CODE_LINES}: remove some")
    return code


class CodeSlide(Slide):
    """Lines of code, kept as they are."""

    type: Literal["code"]
    code: Annotated[str, Field(min_length=1, max_length=6000), AfterValidator(_few_lines)]
    language: Annotated[str, Field(max_length=40)] = ""


class ImageSlide(Slide):
    """An image file, which is embedded in the deck."""

    type: Literal["image"]
    image: Annotated[str, Field(min_length=1, validation_alias=AliasChoices("image", "path"))]
    caption: Line = ""
    alt: Line = ""


class Column(SpecPart):
    """One of the columns of a slide."""

    title: Title = ""
    text: Annotated[str, Field(max_length=1500)] = ""
    bullet_points: Lines = ()


class TwoColumnSlide(Slide):
    """Two columns side by side."""

    type: Literal["two-column"]
    left: Column
    right: Column


SLIDES: dict[str, type[Slide]] = {
    "title": TitleSlide,
    "bullets": BulletsSlide,
    "section": SectionSlide,
    "quote": QuoteSlide,
    "code": CodeSlide,
    "image": ImageSlide,
    "two-column": TwoColumnSlide,
}


def _kind(slide: Any) -> str | None:
    """Return a slide's type, for the discriminator."""
    if not isinstance(slide, dict):
        return getattr(slide, "type", "bullets")
    kind = slide.get("type", "bullets")
    return OTHER_NAMES.get(kind, kind) if isinstance(kind, str) else "?"


def _own_name(slide: Any) -> Any:
    """Return a slide with our name for its type."""
    known = isinstance(slide, dict) and isinstance(slide.get("type"), str) and slide["type"] in OTHER_NAMES
    return {**slide, "type": _kind(slide)} if known else slide


def _shows_something(slide: Slide) -> Slide:
    texts = (slide.title, slide.subtitle, *slide.bullet_points)
    plain = isinstance(slide, TitleSlide | BulletsSlide | SectionSlide)
    if plain and not any(text.strip() for text in texts):
        raise ValueError("has nothing to show; give it a title, a subtitle or bullet_points")
    return slide


AnySlide = Annotated[
    Annotated[TitleSlide, Tag("title")]
    | Annotated[BulletsSlide, Tag("bullets")]
    | Annotated[SectionSlide, Tag("section")]
    | Annotated[QuoteSlide, Tag("quote")]
    | Annotated[CodeSlide, Tag("code")]
    | Annotated[ImageSlide, Tag("image")]
    | Annotated[TwoColumnSlide, Tag("two-column")],
    Discriminator(_kind),
    BeforeValidator(_own_name),
    AfterValidator(_shows_something),
]


class Deck(SpecPart):
    """The slides of a spec. `cache_key` is the name of the deck's folder in the work folder."""

    theme: Annotated[str, AfterValidator(_theme)] = "light"
    cache_key: Annotated[str, Field(min_length=1, max_length=MAX_CACHE_KEY), AfterValidator(check_portable_name)] = (
        "deck"
    )
    content: tuple[AnySlide, ...]


class SlideShow(SpecPart):
    """Which slides a segment shows, and for how many seconds each; by default they are spread over the narration."""

    range: Annotated[
        Bounds, BeforeValidator(bounds, json_schema_input_type=WrittenBounds | Pair | str | int | None)
    ] = (1, None)
    advance_interval: Annotated[Number, Field(gt=0, le=600)] | None = None

    def numbers(self, deck: Sequence[object]) -> tuple[int, ...]:
        """Return the numbers of the slides, counted from 1, in the order in which they are shown."""
        first, last = self.range
        return tuple(range(first, (len(deck) if last is None else last) + 1))
