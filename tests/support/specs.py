"""Specs with segments, written as people write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dispatcher.tour.spec.action_types import ACTIONS

DECK: dict[str, Any] = {
    "theme": "dark",
    "cache_key": "talk",
    "content": [
        {"type": "title", "title": "One", "subtitle": "The first", "bullet_points": []},
        {"title": "Two", "bullet_points": ["a", "b"]},
        {"type": "section", "title": "Three"},
    ],
}


def slides(name: str = "talk", **more: Any) -> dict[str, Any]:
    """Return a good segment of slides with these keys added."""
    return {"id": name, "type": "slides", "narration": "Hello.", **more}


def demo(name: str = "app", **more: Any) -> dict[str, Any]:
    """Return a good segment of a page with these keys added."""
    return {"id": name, "type": "demo", "url": "about:blank", "narration": "Look.", **more}


def whole(*segments: dict[str, Any], deck: Any = DECK, **more: Any) -> dict[str, Any]:
    """Return a spec of these segments; no deck where it is None."""
    return {"segments": list(segments), **({} if deck is None else {"slides": deck}), **more}


def write(folder: Path, content: Any) -> Path:
    """Write a spec and return its file."""
    path = folder / "tour.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def action(kind: str, **fields: Any) -> Any:
    """Return an action of this type."""
    return ACTIONS[kind].model_validate({"type": kind, **fields})
