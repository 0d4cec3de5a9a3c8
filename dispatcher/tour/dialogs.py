"""Dialogs of a page (alert, confirm, prompt): what they are answered with, and the box that the video shows.

A browser without a window draws no box, and while a dialog is open its page is frozen: nothing can be drawn on it.
So the box is drawn on a page of our own, over the last picture of the frozen page, and that page is recorded
meanwhile. The arrow is part of that picture; where a clean patch of the page below it is known, it is painted over
and an arrow of our own moves on from there to the button.
"""

from __future__ import annotations

import base64
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Dialog, Page

from dispatcher.tour.cursor import Cursor
from dispatcher.tour.page_action_parts import DialogAction
from dispatcher.tour.typing_pace import bursts

BOX = (files("dispatcher.tour") / "dialog.html").read_text(encoding="utf-8")
SHOW = "told => window.show(told)"

LEAST_READ_S, CHARACTERS_A_SECOND, MOST_READ_S = 1.0, 25.0, 6.0
"""How long a box stays before it is answered, where the spec does not say."""

COMES_WITHIN_S = 2.0
"""How long the end of a step waits for a dialog that an action announces and that has not opened yet."""

PRESSED_MS = 250

PATCH_BEFORE, PATCH_AFTER, PATCH_MS = 8, 44, 5000
"""How far the arrow and its shadow reach from its tip, and how long a picture of what is below may take."""

LABELS: Mapping[str, tuple[str, str]] = {
    "en": ("OK", "Cancel"),
    "cs": ("OK", "Zrušit"),
    "da": ("OK", "Annuller"),
    "de": ("OK", "Abbrechen"),
    "es": ("Aceptar", "Cancelar"),
    "fi": ("OK", "Peruuta"),
    "fr": ("OK", "Annuler"),
    "hi": ("ठीक है", "रद्द करें"),
    "it": ("OK", "Annulla"),
    "ja": ("OK", "キャンセル"),
    "ko": ("확인", "취소"),
    "nb": ("OK", "Avbryt"),
    "nl": ("OK", "Annuleren"),
    "pl": ("OK", "Anuluj"),
    "pt": ("OK", "Cancelar"),
    "ru": ("ОК", "Отмена"),
    "sv": ("OK", "Avbryt"),
    "tr": ("Tamam", "İptal"),
    "uk": ("OK", "Скасувати"),
    "zh": ("确定", "取消"),
}
"""What the two buttons say, by language."""


class Answers:
    """What the next dialogs are answered with, in this order. What nobody foresaw is dismissed and warned of."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._expected: deque[DialogAction] = deque()
        self._warn = warn

    def expect(self, answer: DialogAction) -> None:
        """Answer a coming dialog in this way, after those that are expected already."""
        self._expected.append(answer)

    @property
    def is_expecting(self) -> bool:
        """Say whether a dialog is to come."""
        return bool(self._expected)

    def take(self, dialog: Dialog) -> DialogAction | None:
        """Return the answer to a dialog; None, with a warning, where nobody said one."""
        if not self._expected:
            fix = 'put {"type": "dialog", "answer": "accept" or "dismiss"} before the action that opens it'
            self._warn(f"the page opened {_named(dialog)} that no dialog action answers; it was dismissed: {fix}")
            return None
        answer = self._expected.popleft()
        if answer.text is not None and dialog.type != "prompt":
            self._warn(f"the page opened {_named(dialog)}, which takes no text; the dialog action's text was not used")
        return answer

    def end(self) -> None:
        """Forget what has not come; that is warned of."""
        for _ in range(len(self._expected)):
            self._warn("a dialog action was not needed: no dialog opened; remove it, or check what opens the dialog")
        self._expected.clear()

    def forget(self) -> None:
        """Forget what has not come."""
        self._expected.clear()


def _named(dialog: Dialog) -> str:
    article = "an" if dialog.type == "alert" else "a"
    message = " ".join(dialog.message.split())
    return f"{article} {dialog.type} ({message if len(message) <= 100 else message[:99] + '…'})"


def reply(dialog: Dialog, answer: DialogAction | None) -> None:
    """Answer a dialog; one without an answer is dismissed."""
    if answer is None or answer.answer == "dismiss":
        dialog.dismiss()
    elif dialog.type == "prompt":
        dialog.accept(dialog.default_value if answer.text is None else answer.text)
    else:
        dialog.accept()


@dataclass(frozen=True, kw_only=True)
class Patch:
    """What is below the arrow: a PNG of the page without it, with its upper left corner and the arrow's place."""

    png: bytes
    left: float
    top: float
    width: float
    height: float
    arrow: tuple[float, float]

    def covers(self, arrow: tuple[float, float]) -> bool:
        """Say whether the arrow is still where the patch was taken."""
        return abs(arrow[0] - self.arrow[0]) < 1 and abs(arrow[1] - self.arrow[1]) < 1


def take_patch(page: Page, cursor: Cursor, size: tuple[int, int]) -> Patch:
    """Return what is below the arrow now; the arrow is hidden for a moment."""
    x, y = cursor.at
    left, top = max(0.0, x - PATCH_BEFORE), max(0.0, y - PATCH_BEFORE)
    right, bottom = min(float(size[0]), x + PATCH_AFTER), min(float(size[1]), y + PATCH_AFTER)
    cursor.hide(page)
    try:
        clip: Any = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        png = page.screenshot(clip=clip, timeout=PATCH_MS)
    finally:
        cursor.jump_to(page, x, y)
    return Patch(png=png, left=left, top=top, width=right - left, height=bottom - top, arrow=(x, y))


class DialogBox:
    """The page on which dialogs are drawn, in a process of its own. `prepare` opens it ahead: that takes a while."""

    def __init__(self, browser: Browser, shape: Any, locale: str | None) -> None:
        self._browser, self._shape = browser, shape
        self._labels = LABELS.get((locale or "en").split("-")[0].casefold(), LABELS["en"])
        self._language = (locale or "en").split("-")[0].casefold()
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._cursor: Cursor | None = None

    def prepare(self) -> None:
        """Open the page, unless it is open: a dialog is then drawn as soon as it opens."""
        _ = self.page

    @property
    def page(self) -> Page:
        """Return the page to record while a dialog is open."""
        if self._page is None:
            self._context = self._browser.new_context(**self._shape)
            self._cursor = Cursor(self._context, (0.0, 0.0))
            self._page = self._context.new_page()
            self._page.goto(f"data:text/html;charset=utf-8;base64,{base64.b64encode(BOX.encode()).decode()}")
        return self._page

    def draw(self, dialog: Dialog, picture: bytes, patch: Patch | None) -> None:
        """Draw a dialog over a picture (JPEG) of its page. With the patch below the arrow, the arrow can move."""
        ok, cancel = self._labels
        told: dict[str, Any] = {
            "picture": f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}",
            "patch": None,
            "title": self._title(dialog.page.url if dialog.page else ""),
            "message": dialog.message,
            "value": dialog.default_value if dialog.type == "prompt" else None,
            "ok": ok,
            "cancel": None if dialog.type == "alert" else cancel,
        }
        if patch is not None:
            png = f"data:image/png;base64,{base64.b64encode(patch.png).decode()}"
            told["patch"] = {"png": png, **{side: getattr(patch, side) for side in ("left", "top", "width", "height")}}
        page = self.page
        page.evaluate(SHOW, told)
        if patch is not None:
            self.cursor.jump_to(page, *patch.arrow)

    @property
    def cursor(self) -> Cursor:
        """Return the arrow over the box."""
        assert self._cursor is not None  # the page is there first
        return self._cursor

    def answer(self, answer: DialogAction | None, dialog: Dialog, *, moves: bool) -> None:
        """Show how a dialog is answered: after a time to read it the text is typed and the button pressed."""
        page = self.page
        page.wait_for_timeout(1000 * _reading_s(answer, dialog.message))
        button = page.locator("#ok" if (answer and answer.answer == "accept") or dialog.type == "alert" else "#cancel")
        if answer is not None and answer.text is not None and dialog.type == "prompt":
            self._type(answer.text)
        if moves:
            self.cursor.move_to(page, *_middle(button.bounding_box()))
            page.wait_for_timeout(120)
            self.cursor.press(page)
        button.evaluate("button => button.classList.add('pressed')")
        page.wait_for_timeout(PRESSED_MS)

    def _type(self, text: str) -> None:
        page = self.page
        page.locator("#value").focus()
        page.keyboard.press("ControlOrMeta+A")
        if not text:
            page.keyboard.press("Delete")
        began = time.monotonic()
        for piece, at_s in bursts(text):
            page.wait_for_timeout(max(0.0, (began + at_s - time.monotonic()) * 1000))
            page.keyboard.insert_text(piece)
        page.wait_for_timeout(PRESSED_MS)

    def _title(self, url: str) -> str:
        place = urlsplit(url).netloc.rpartition("@")[2]
        if self._language != "en":
            return place
        return f"{place} says" if place else "This page says"

    def close(self) -> None:
        """Close the page, if it was ever needed."""
        if self._context is not None:
            self._context.close()


def _reading_s(answer: DialogAction | None, message: str) -> float:
    if answer is not None and answer.seconds is not None:
        return answer.seconds
    return min(MOST_READ_S, max(LEAST_READ_S, len(message) / CHARACTERS_A_SECOND))


def _middle(box: Any) -> tuple[float, float]:
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
