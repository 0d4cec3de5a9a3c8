"""Decks in a real browser: every text fits at every size, nothing in a text is markup, and one slide is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from dispatcher.config import is_root
from dispatcher.tour.browser.chromium import launch
from dispatcher.tour.slides.deck import render, write_deck
from dispatcher.tour.spec.slide_models import SLIDES, THEMES, Deck

pytestmark = pytest.mark.browser

SIZES = [(1280, 720), (1920, 1080), (720, 1280), (640, 480)]
HOSTILE = "<script>window.bad=1</script><img src=x onerror='window.bad=1'>\"&lt;${bad}"
USUAL: list[dict[str, Any]] = [
    {"type": "title", "title": "A title", "subtitle": "And what it is about"},
    {"title": "A list", "subtitle": "Of points", "bullet_points": ["One", "Two", "Three", "Four"]},
    {"type": "section", "title": "A part"},
    {"type": "quote", "quote": "Simple is better.", "author": "Somebody"},
    {"type": "code", "title": "Code", "code": "def f():\n\treturn 1\n", "language": "python"},
    {"type": "image", "title": "A picture", "image": "wide.png", "caption": "What it shows"},
    {"type": "two-column", "title": "Two", "left": {"title": "L", "bullet_points": ["a"]}, "right": {"text": "b"}},
]
LONG = "A long text that goes on and on without an end. " * 12
LONGEST: list[dict[str, Any]] = [
    {"type": "title", "title": LONG[:300], "subtitle": LONG[:600], "bullet_points": [LONG[:600]] * 30},
    {"title": "W" * 300, "subtitle": "W" * 600, "bullet_points": ["W" * 600] * 30},
    {"type": "section", "title": "長い題名" * 75, "subtitle": "字" * 600},
    {"type": "quote", "title": LONG[:300], "quote": (LONG * 3)[:1500], "author": LONG[:600]},
    {"type": "code", "title": LONG[:300], "code": ("x" * 199 + "\n") * 30},
    {"type": "code", "code": "y\n" * 60},
    {"type": "image", "title": LONG[:300], "image": "tall.png", "caption": LONG[:600]},
    *(
        {
            "type": "two-column",
            "title": text[:300],
            "left": {"text": text},
            "right": {"bullet_points": [text[:600]] * 30},
        }
        for text in ((LONG * 3)[:1500], "م" * 1500)
    ),
]
TEXTS = ".fit, .listing, .columns > div, h1, h2, h3, p, li, blockquote, figcaption, pre"
OVERFLOWING = f"""() => [...document.querySelectorAll('.slide')].flatMap((slide, n) => {{
  const area = slide.getBoundingClientRect();
  const boxes = [slide, ...slide.querySelectorAll('.fit, .listing, .columns > div')];
  const out = (box) => {{ const at = box.getBoundingClientRect();
    return at.right > area.right + 1 || at.bottom > area.bottom + 1 || at.left < area.left - 1 || at.top < -1; }};
  return boxes.filter(box => box.scrollHeight > box.clientHeight || box.scrollWidth > box.clientWidth)
    .concat([...slide.querySelectorAll('{TEXTS}, img, footer')].filter(out))
    .map(box => `${{n + 1}}: ${{box.className || box.tagName}}`);
}})"""


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """Start one browser for all."""
    with sync_playwright() as playwright:
        started = launch(playwright, chromium, root=is_root())
        yield started
        started.close()


def write(folder: Path, content: list[dict[str, Any]], theme: str = "light") -> Path:
    """Write a deck with its pictures and return its file."""
    Image.new("RGB", (1600, 900), "#3355aa").save(folder / "wide.png")
    Image.new("RGB", (200, 2000), "#aa5533").save(folder / "tall.png")
    deck = Deck.model_validate({"theme": theme, "content": content})
    return write_deck(deck, folder, beside=folder, language="en-us", title="Film")


def opened(browser: Browser, file: Path, size: tuple[int, int] = (1280, 720), fragment: str = "") -> Page:
    """Open a deck as the director does."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(file.as_uri() + fragment)
    page.evaluate("() => window.deck.ready.then(() => true)")
    return page


def test_every_type_is_here() -> None:
    """What is tested is every type there is."""
    assert {slide.get("type", "bullets") for slide in USUAL} == set(SLIDES)


@pytest.mark.parametrize("size", SIZES)
def test_no_text_overflows(browser: Browser, tmp_path: Path, size: tuple[int, int]) -> None:
    """Usual slides and the longest that a spec may hold stay within their slide, at every size."""
    page = opened(browser, write(tmp_path, USUAL + LONGEST), size)
    assert page.evaluate(OVERFLOWING) == []
    page.add_style_tag(content=".slide { font-size: 60px !important }")
    assert page.evaluate(OVERFLOWING) != []  # the measure does measure
    page.close()


def test_usual_slides_keep_their_size(browser: Browser, tmp_path: Path) -> None:
    """What fits is not made smaller."""
    for size in SIZES:
        page = opened(browser, write(tmp_path, USUAL), size)
        fits = page.eval_on_selector_all(".slide", "all => all.map(s => s.style.getPropertyValue('--fit'))")
        assert fits == ["1"] * len(USUAL), size
        page.close()


def test_text_is_never_markup(browser: Browser, tmp_path: Path) -> None:
    """Scripts and entities in any text are shown as they are written, and run nothing."""
    column = {"title": HOSTILE, "text": HOSTILE, "bullet_points": [HOSTILE]}
    every = {"title": HOSTILE, "subtitle": HOSTILE, "bullet_points": [HOSTILE]}
    content = [
        {**every, "type": "title"},
        every,
        {**every, "type": "section"},
        {**every, "type": "quote", "quote": HOSTILE, "author": HOSTILE},
        {**every, "type": "code", "code": HOSTILE, "language": "</style>"},
        {**every, "type": "image", "image": "wide.png", "caption": HOSTILE, "alt": HOSTILE},
        {**every, "type": "two-column", "left": column, "right": column},
    ]
    page = opened(browser, write(tmp_path, content))
    page.wait_for_timeout(100)
    assert page.evaluate("window.bad") is None
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 1
    assert set(page.locator(":is(h1, h2, h3, p, li, blockquote, figcaption, pre)").all_text_contents()) == {HOSTILE}
    page.close()


def test_the_deck_asks_for_nothing(browser: Browser, tmp_path: Path) -> None:
    """One file holds all: pictures, style, script; its own policy forbids the rest."""
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    file = write(tmp_path, USUAL)
    page.goto(file.as_uri())
    page.evaluate("() => window.deck.ready.then(() => true)")
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert said == []
    assert page.evaluate("document.images[0].naturalWidth") == 1600
    page.close()


def test_the_address_names_the_slide(browser: Browser, tmp_path: Path) -> None:
    """`#3` shows the third slide; a number that is none shows the nearest."""
    file = write(tmp_path, USUAL)
    shown = "() => [...document.querySelectorAll('.slide')].findIndex(slide => getComputedStyle(slide).opacity === '1')"
    for fragment, number in (("", 1), ("#3", 3), ("#99", len(USUAL)), ("#x", 1)):
        page = opened(browser, file, fragment=fragment)
        assert page.evaluate(shown) == number - 1
        assert page.evaluate("window.deck.show(2, { fade: false })") == 2
        assert page.evaluate(shown) == 1
        page.close()


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_can_be_read(browser: Browser, tmp_path: Path, theme: str) -> None:
    """Each theme has colours of its own, and its letters stand out from its ground."""
    page = opened(browser, write(tmp_path, USUAL, theme))
    color = "name => getComputedStyle(document.documentElement).getPropertyValue(name)"
    assert contrast(page.evaluate(color, "--ground"), page.evaluate(color, "--ink")) > 7
    assert contrast(page.evaluate(color, "--ground"), page.evaluate(color, "--soft")) > 4.5
    page.close()


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it."""

    def light(color: str) -> float:
        parts = [int(color.strip()[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_right_to_left(browser: Browser, tmp_path: Path) -> None:
    """A slide in Arabic or Hebrew starts on the right, whatever the language of the deck."""
    page = opened(browser, write(tmp_path, [{"title": "שלום", "bullet_points": ["א"]}, {"title": "Hello"}]))
    boxes = [page.locator("h2").nth(n).evaluate("box => getComputedStyle(box).direction") for n in (0, 1)]
    assert boxes == ["rtl", "ltr"]
    dot = page.locator("li").evaluate("box => parseFloat(getComputedStyle(box, '::before').right)")
    assert dot < 10
    page.close()


def test_one_file_for_one_deck(tmp_path: Path) -> None:
    """`cache_key` names the folder; what the deck holds names the file, and an older one goes."""
    first = write(tmp_path, USUAL)
    assert write(tmp_path, USUAL) == first
    second = write(tmp_path, USUAL[:2])
    assert second != first
    assert [path.name for path in (tmp_path / "deck").iterdir()] == [second.name]
    deck = Deck.model_validate({"content": USUAL[:2], "cache_key": "talk"})
    assert write_deck(deck, tmp_path, beside=tmp_path, language="en", title="Film").parent == tmp_path / "talk"
    assert render(deck, beside=tmp_path, language="en", title="A") != render(
        deck, beside=tmp_path, language="en", title="B"
    )
