"""The files that a spec names for the browser: they are looked at before anything runs. Works on the raw spec."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dispatcher.tour.browser_rules import storage_problem
from dispatcher.tour.parts import expand
from dispatcher.tour.spec_file import Problem, shown

MAX_DROP_BYTES = 50 * 1024 * 1024
"""Dropped files are handed over in the page's memory."""


def problems(raw: dict[str, Any], beside: Path) -> Iterator[Problem]:
    """Yield each file that cannot be used, with its JSON path and the fix; wrong types are passed over."""
    settings = raw.get("settings")
    context = settings.get("browser_context") if isinstance(settings, dict) else None
    state = context.get("storage_state") if isinstance(context, dict) else None
    if isinstance(state, str) and state and (wrong := storage_problem(expand(state, beside))) is not None:
        yield "$.settings.browser_context.storage_state", f"{shown(state)} {wrong}"
    for name in ("steps", "segments"):
        steps = raw.get(name)
        for n, step in enumerate(steps if isinstance(steps, list) else ()):
            actions = step.get("actions") if isinstance(step, dict) else None
            for m, action in enumerate(actions if isinstance(actions, list) else ()):
                yield from _uploads(action, f"$.{name}[{n}].actions[{m}]", beside)


def _uploads(action: Any, where: str, beside: Path) -> Iterator[Problem]:
    if not isinstance(action, dict) or action.get("type") != "upload":
        return
    key = next((key for key in ("files", "file", "path", "paths") if key in action), "files")
    named = action.get(key)
    names = [named] if isinstance(named, str) else named
    for name in names if isinstance(names, list) else ():
        if isinstance(name, str) and name and (wrong := _unusable(expand(name, beside), bool(action.get("drop")))):
            yield f"{where}.{key}", f"{shown(name)} {wrong}"


def _unusable(path: Path, is_dropped: bool) -> str | None:
    """Say why a file cannot be uploaded, or None where it can."""
    try:
        if path.is_dir():
            return "is a folder; name the files in it"
        with path.open("rb") as file:
            file.read(1)
        if is_dropped and path.stat().st_size > MAX_DROP_BYTES:
            return f"is larger than {MAX_DROP_BYTES // 2**20} MB, too large to be dropped; upload it without drop"
    except FileNotFoundError:
        return "does not exist beside the spec; correct the path"
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or error}); correct the path or its permissions"
    return None
