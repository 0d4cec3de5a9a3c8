"""Drawing dialogs (alert, confirm, prompt) into the video.

A headless browser draws no dialogs, and while one is open its page is frozen, so nothing can be drawn there. Therefore
the dialog is drawn on another page, over the last frame of the frozen one, and that page is recorded meanwhile. The
frame also shows the pointer; if a clean patch of the page below it is known, it is painted over, and another pointer
moves from there to the button.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Dialog, Page

from dispatcher.tour.browser.pointer import Pointer
from dispatcher.tour.spec.action_models import DialogAction
from dispatcher.tour.spec.typing_pace import bursts

BOX = (files("dispatcher.tour.browser") / "dialog.html").read_text(encoding="utf-8")
SHOW = "shown => window.show(shown)"

LEAST_READ_S, CHARACTERS_A_SECOND, MOST_READ_S = 1.0, 25.0, 6.0
"""How long a dialog is shown before it is answered, unless the spec says so: by the length of its message."""

PRESSED_MS = 250

PATCH_BEFORE, PATCH_AFTER, PATCH_MS = 8, 44, 5000
"""How far the drawn pointer reaches from its tip, and how long a screenshot of what is below it may take."""

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
"""The labels of the two buttons, by language."""


@dataclass(frozen=True, kw_only=True)
class PagePatch:
    """What is below the pointer: a PNG of the page without it, its position and size, and the pointer's position."""

    png: bytes
    left: float
    top: float
    width: float
    height: float
    pointer: tuple[float, float]

    def covers(self, pointer: tuple[float, float]) -> bool:
        """Say whether the pointer is still where the patch was taken."""
        return abs(pointer[0] - self.pointer[0]) < 1 and abs(pointer[1] - self.pointer[1]) < 1


def take_patch(page: Page, pointer: Pointer, size: tuple[int, int]) -> PagePatch:
    """Return what is below the pointer now; the pointer is hidden for a moment."""
    x, y = pointer.at
    left, top = max(0.0, x - PATCH_BEFORE), max(0.0, y - PATCH_BEFORE)
    right, bottom = min(float(size[0]), x + PATCH_AFTER), min(float(size[1]), y + PATCH_AFTER)
    pointer.hide(page)
    try:
        clip: Any = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        png = page.screenshot(clip=clip, timeout=PATCH_MS)
    finally:
        pointer.jump_to(page, x, y)
    return PagePatch(png=png, left=left, top=top, width=right - left, height=bottom - top, pointer=(x, y))


class DialogBox:
    """The page on which dialogs are drawn, in its own process. `prepare` opens it in advance, as that takes a while."""

    def __init__(self, browser: Browser, shape: Any, locale: str | None) -> None:
        self._browser, self._shape = browser, shape
        self._labels = LABELS.get((locale or "en").split("-")[0].casefold(), LABELS["en"])
        self._language = (locale or "en").split("-")[0].casefold()
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._pointer: Pointer | None = None

    def prepare(self) -> None:
        """Open the page, unless it is open, so that a dialog is drawn without delay."""
        _ = self.page

    @property
    def page(self) -> Page:
        """Return the page to record while a dialog is open."""
        if self._page is None:
            self._context = self._browser.new_context(**self._shape)
            self._pointer = Pointer(self._context, (0.0, 0.0))
            self._page = self._context.new_page()
            self._page.goto(f"data:text/html;charset=utf-8;base64,{base64.b64encode(BOX.encode()).decode()}")
        return self._page

    def draw(self, dialog: Dialog, frame: bytes, patch: PagePatch | None) -> None:
        """Draw a dialog over the last frame (JPEG) of its page. With a patch the pointer can move."""
        ok, cancel = self._labels
        shown: dict[str, Any] = {
            "picture": f"data:image/jpeg;base64,{base64.b64encode(frame).decode()}",
            "patch": None,
            "title": self._title(dialog.page.url if dialog.page else ""),
            "message": dialog.message,
            "value": dialog.default_value if dialog.type == "prompt" else None,
            "ok": ok,
            "cancel": None if dialog.type == "alert" else cancel,
        }
        if patch is not None:
            png = f"data:image/png;base64,{base64.b64encode(patch.png).decode()}"
            shown["patch"] = {"png": png, **{side: getattr(patch, side) for side in ("left", "top", "width", "height")}}
        page = self.page
        page.evaluate(SHOW, shown)
        if patch is not None:
            self.pointer.jump_to(page, *patch.pointer)

    @property
    def pointer(self) -> Pointer:
        """Return the pointer over the dialog."""
        assert self._pointer is not None  # the page has been opened
        return self._pointer

    def answer(self, answer: DialogAction | None, dialog: Dialog, *, moves: bool) -> None:
        """Show how a dialog is answered: after some time to read it, the text is typed and the button pressed."""
        page = self.page
        page.wait_for_timeout(1000 * _reading_s(answer, dialog.message))
        button = page.locator("#ok" if (answer and answer.answer == "accept") or dialog.type == "alert" else "#cancel")
        if answer is not None and answer.text is not None and dialog.type == "prompt":
            self._type(answer.text)
        if moves:
            self.pointer.move_to(page, *_middle(button.bounding_box()))
            page.wait_for_timeout(120)
            self.pointer.press(page)
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
