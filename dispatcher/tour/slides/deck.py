"""Rendering a spec's slides to one self-contained HTML file: no server, no network, no other file."""

from __future__ import annotations

import base64
import hashlib
import os
import unicodedata
from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from dispatcher.tour.spec import slide_models
from dispatcher.tour.spec.fields import expand
from dispatcher.tour.spec.slide_rules import image_type
from protocol.errors import EnvironmentNotReady

HERE = files("dispatcher.tour.slides")
LARGE, SMALL = 3, 6
"""Lists with at most LARGE points have a large font, those with at least SMALL points a small one."""


def write_deck(deck: slide_models.Deck, folder: Path, *, beside: Path, language: str, title: str) -> Path:
    """Write a deck to `folder` and return its file, which is named by its content: equal decks are one file.

    Raises EnvironmentNotReady if it cannot be written.
    """
    page = render(deck, beside=beside, language=language, title=title).encode()
    path = folder / deck.cache_key / f"{hashlib.sha256(page).hexdigest()[:16]}.html"
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(page)
        unfinished.replace(path)
        for old in path.parent.glob("*.html"):
            if old != path:
                old.unlink()
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise EnvironmentNotReady(f"the slides {path} cannot be written: {error.strerror}") from error
    return path


def render(deck: slide_models.Deck, *, beside: Path, language: str, title: str) -> str:
    """Return the deck as a page. All text of the spec is escaped; relative paths of images start at `beside`."""
    slides = [_slide(slide, n, len(deck.content), title, beside) for n, slide in enumerate(deck.content, 1)]
    script = _asset("deck.js")
    return Template(_asset("deck.html")).substitute(
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        language=escape(language.replace("_", "-")),
        title=escape(title),
        theme=deck.theme,
        style=_asset("deck.css") + _asset(f"themes/{deck.theme}.css"),
        slides="\n".join(slides),
        script=script,
    )


def _asset(name: str) -> str:
    return HERE.joinpath(name).read_text(encoding="utf-8")


def _slide(slide: Any, number: int, count: int, title: str, beside: Path) -> str:
    """Return one slide: its heading, the content of its type, its list and its footer."""
    main = MAIN[slide.type](slide, beside)
    foot = f'<footer><span dir="auto">{escape(title)}</span><span>{number} / {count}</span></footer>'
    body = f'<div class="body">{_heading(slide)}{main}{_points(slide.bullet_points)}</div>'
    return (
        f'<section class="slide {slide.type}" dir="{_direction(slide)}"><div class="fit">{body}</div>{foot}</section>'
    )


def _heading(slide: slide_models.Slide) -> str:
    subtitle = _text("p", slide.subtitle, "subtitle")
    title = _text("h1" if isinstance(slide, slide_models.TitleSlide | slide_models.SectionSlide) else "h2", slide.title)
    return f"<header>{title}{subtitle}</header>" if title or subtitle else ""


def _text(tag: str, text: str, kind: str = "") -> str:
    """Return an element with this text; "" if the text is empty."""
    named = f' class="{kind}"' if kind else ""
    return f'<{tag}{named} dir="auto">{escape(text)}</{tag}>' if text.strip() else ""


def _points(points: Sequence[str]) -> str:
    items = [_text("li", point) for point in points if point.strip()]
    if not items:
        return ""
    size = "large" if len(items) <= LARGE else "small" if len(items) >= SMALL else "medium"
    return f'<ul class="{size}">{"".join(items)}</ul>'


def _direction(slide: slide_models.Slide) -> str:
    """Return the reading direction of a slide, by the first letter of its texts that has a direction."""
    for letter in " ".join((slide.title, slide.subtitle, *slide.bullet_points)):
        if (kind := unicodedata.bidirectional(letter)) in ("L", "R", "AL"):
            return "ltr" if kind == "L" else "rtl"
    return "ltr"


def _nothing(_slide: slide_models.Slide, _beside: Path) -> str:
    return ""


def _quote(slide: slide_models.QuoteSlide, _beside: Path) -> str:
    author = _text("figcaption", slide.author)
    return f'<figure class="words">{_text("blockquote", slide.quote)}{author}</figure>'


def _code(slide: slide_models.CodeSlide, _beside: Path) -> str:
    lines = "".join(f"<span>{escape(line) or ' '}</span>" for line in slide.code.strip("\n").expandtabs(4).split("\n"))
    return f'<div class="listing" dir="ltr">{_text("small", slide.language)}<pre>{lines}</pre></div>'


def _image(slide: slide_models.ImageSlide, beside: Path) -> str:
    source = _data_url(expand(slide.image, beside))
    alt = escape(slide.alt or slide.caption or slide.title)
    return f'<figure class="picture"><img src="{source}" alt="{alt}">{_text("figcaption", slide.caption)}</figure>'


def _data_url(path: Path) -> str:
    """Return an image as an address that contains it."""
    return f"data:{image_type(path)};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _columns(slide: slide_models.TwoColumnSlide, _beside: Path) -> str:
    return f'<div class="columns">{_column(slide.left)}{_column(slide.right)}</div>'


def _column(column: slide_models.Column) -> str:
    points = "".join(_text("li", point) for point in column.bullet_points)
    listed = f"<ul>{points}</ul>" if points else ""
    return f"<div>{_text('h3', column.title)}{_text('p', column.text)}{listed}</div>"


MAIN: dict[str, Callable[[Any, Path], str]] = {
    "title": _nothing,
    "bullets": _nothing,
    "section": _nothing,
    "quote": _quote,
    "code": _code,
    "image": _image,
    "two-column": _columns,
}
