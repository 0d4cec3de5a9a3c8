"""The steps of a tour, and its segments, which are steps of two types."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from dispatcher.tour.spec import script
from dispatcher.tour.spec.action_models import Scroll
from dispatcher.tour.spec.action_types import Action, Assertion
from dispatcher.tour.spec.fields import MAX_SIDE, MAX_ZOOM, Number, Seconds, SpecPart
from dispatcher.tour.spec.slide_models import SlideShow
from protocol.kinds.tts import MAX_CHARACTERS
from protocol.layout import check_portable_name

MAX_ID = 64
Coordinate = Annotated[Number, Field(ge=0, le=MAX_SIDE)]
TAIL_S = 0.5
"""How long every step continues after its last word and its last action, in seconds."""


class Zoom(SpecPart):
    """What the camera shows during a step with `--zoom auto` or `mobile`: an editor, the terminal, the whole page, an
    element, or the area around a point of the viewport."""

    to: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    factor: Annotated[Number, Field(ge=1, le=MAX_ZOOM)] | None = None
    center: tuple[Coordinate, Coordinate] | None = None
    seconds: Annotated[Number, Field(ge=0, le=10)] = 0.6

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.to is None and self.center is None:
            raise ValueError(
                'must name a place; write "to": "editor", "terminal", "full" or a selector, or "center": [x, y]'
            )
        return self


class TourStep(SpecPart):
    """One step: its narration, and the actions meanwhile. A step without a url stays on the previous step's page."""

    id: Annotated[str, Field(min_length=1, max_length=MAX_ID), AfterValidator(check_portable_name)]
    title: str | None = None
    url: Annotated[str, Field(min_length=1)] | None = None
    narration: Annotated[str, Field(max_length=MAX_CHARACTERS), AfterValidator(script.checked)] = ""
    actions: tuple[Action, ...] = ()
    assertions: tuple[Assertion, ...] = ()
    scroll: Scroll | None = None
    zoom: Zoom | None = None

    @property
    def show(self) -> SlideShow | None:
        """Return the slides that it shows instead of a page, if any."""
        return None

    @property
    def least_s(self) -> float:
        """Return how long the step lasts at least, in seconds."""
        return 0.0


class DemoSegment(TourStep):
    """A segment that shows a page: a step with an optional minimum duration."""

    type: Literal["demo"]
    duration: Seconds | None = None

    @property
    def least_s(self) -> float:
        """Return the segment's duration."""
        return self.duration or 0.0


class SlidesSegment(TourStep):
    """A segment that shows slides of the deck. It has no page, so it can have no actions or assertions."""

    type: Literal["slides"]
    slides: SlideShow = SlideShow()
    duration: Seconds | None = None

    @field_validator("url", "actions", "assertions", "scroll", "zoom", mode="before")
    @classmethod
    def _no_page(cls, value: Any) -> Any:
        if value:
            raise ValueError("needs a page, and a slides segment has none; move it to a demo segment")
        return () if isinstance(value, list) else None if value == "" else value

    @property
    def show(self) -> SlideShow | None:
        """Return the slides that it shows."""
        return self.slides

    @property
    def least_s(self) -> float:
        """Return the segment's duration."""
        return self.duration or 0.0


SEGMENTS: dict[str, type[TourStep]] = {"demo": DemoSegment, "slides": SlidesSegment}


def _kind(segment: Any) -> str | None:
    kind = segment.get("type") if isinstance(segment, dict) else getattr(segment, "type", None)
    return kind if kind is None or isinstance(kind, str) else "?"


Segment = Annotated[Annotated[DemoSegment, Tag("demo")] | Annotated[SlidesSegment, Tag("slides")], Discriminator(_kind)]
