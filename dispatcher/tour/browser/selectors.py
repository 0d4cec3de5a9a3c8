"""Selectors: Playwright's, alternatives of them (`#a || text=A`), and the accessible name (`aria/Save`) of DevTools."""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from dispatcher.tour.spec.fields import INSIDE

if TYPE_CHECKING:
    from playwright.sync_api import Frame, FrameLocator, Locator, Page

ARIA = "aria/"
ROLES = (
    *("button", "link", "textbox", "searchbox", "combobox", "listbox", "option", "checkbox", "radio", "switch"),
    *("slider", "spinbutton", "tab", "menuitem", "menuitemcheckbox", "menuitemradio", "treeitem", "gridcell", "cell"),
    *("row", "heading", "img", "dialog", "region"),
)
"""The roles that are searched for a name without a role."""

_ALTERNATIVES = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?!\s\|\|\s).)+""", re.DOTALL)
_ATTRIBUTE = re.compile(r"""\[\s*(?P<key>role|name)\s*=\s*(?P<quote>["'])(?P<value>.*?)(?P=quote)\s*\]""")


def alternatives(selector: str) -> list[str]:
    """Return the alternatives of a selector; one without `||` is its only alternative."""
    found = [part.removeprefix("|| ").strip() for part in _ALTERNATIVES.findall(selector.strip())]
    return [part for part in found if part] or [selector]


def locate(within: Page | Frame | FrameLocator | Locator, selector: str) -> Locator:
    """Return the locator of a selector: the first visible alternative, else the first that appears."""
    found = [_one(within, alternative) for alternative in alternatives(selector)]
    if len(found) == 1:
        return found[0]
    visible = (locator for locator in found if locator.filter(visible=True).count())
    return next(visible, None) or reduce(_either, found)


def _one(within: Page | Frame | FrameLocator | Locator, selector: str) -> Locator:
    if ARIA not in selector:
        return within.locator(selector)
    found: Any = within
    for part in selector.split(INSIDE):
        found = _named(found, part.strip()[len(ARIA) :]) if part.strip().startswith(ARIA) else found.locator(part)
    return cast("Locator", found)


def _named(within: Page | Frame | FrameLocator | Locator, described: str) -> Locator:
    """Return the locator of an accessible name, with a role if one is given: `Save`, `Save[role="button"]`."""
    attributes = {found["key"]: found["value"] for found in _ATTRIBUTE.finditer(described)}
    name = attributes.get("name", _ATTRIBUTE.sub("", described)).strip()
    if role := attributes.get("role"):
        return within.get_by_role(cast("Any", role), name=name or None, exact=bool(name))
    by_role = (within.get_by_role(cast("Any", each), name=name, exact=True) for each in ROLES)
    return reduce(_either, by_role, within.get_by_label(name, exact=True))


def _either(one: Locator, other: Locator) -> Locator:
    return one.or_(other)
