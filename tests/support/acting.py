"""Acting on pages of a test's own site: one action at a time, or a whole tour without narration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dispatcher.config import is_root
from dispatcher.tour.actions.assertions import check
from dispatcher.tour.actions.perform import perform
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.page_load import open_page
from dispatcher.tour.browser.recorder import BrowserRecorder
from dispatcher.tour.recording.director import record_steps, rehearse_steps
from dispatcher.tour.recording.takes import RehearsedStep, Take
from dispatcher.tour.spec.action_types import ACTIONS, ASSERTIONS
from dispatcher.tour.spec.loading import load
from tests.support.media import read_frame
from tests.support.pages import Site, html

SIZE = (640, 360)
PATIENCE = 5.0
"""Pages get this many times longer to react than in the product: the machine may be busy."""
Made = TypeVar("Made")


def context_of(recorder: BrowserRecorder, **fields: Any) -> ActionContext:
    """Return what actions work with, on the page of a recorder."""
    defaults = {
        "page": recorder.page,
        "pointer": recorder.pointer,
        "timeout_s": 30,
        "recorder": recorder,
        "patience": PATIENCE,
    }
    return ActionContext(**{**defaults, **fields})


def show(context: ActionContext, site: Site, body: str, **page: str) -> None:
    """Open a page with this body."""
    site.pages["/"] = html(body, **page)
    open_page(context.page, site.url + "/", 30)


def do(context: ActionContext, kind: str, **fields: Any) -> None:
    """Do one action, and go on in the tab that is in front then."""
    perform(context.now(), ACTIONS[kind].model_validate({"type": kind, **fields}))
    context.now()


def asserted(context: ActionContext, kind: str, **fields: Any) -> Any:
    """Check one assertion."""
    return check(context.now(), ASSERTIONS[kind].model_validate({"type": kind, **fields}))


def write_tour(folder: Path, site: Site, steps: list[dict[str, Any]], **settings: Any) -> Path:
    """Write a spec for the site."""
    defaults = {"viewport": "640x360", "default_step_timeout": 30, "base_url": site.url, "max_retries_per_step": 0}
    path = folder / "tour.json"
    path.write_text(json.dumps({"settings": {**defaults, **settings}, "steps": steps}))
    return path


def film(folder: Path, site: Site, chromium: Path, steps: list[dict[str, Any]], **settings: Any) -> list[Take]:
    """Record a tour of the site and return its takes."""
    spec = load(write_tour(folder, site, steps, **settings))
    said = {step.id: 0.3 for step in spec.steps}
    return _apart(
        lambda: record_steps(spec, said, work_dir=folder / "work", browser=chromium, root=is_root(), patience=PATIENCE)
    )


def try_tour(
    folder: Path, site: Site, chromium: Path, steps: list[dict[str, Any]], **settings: Any
) -> list[RehearsedStep]:
    """Rehearse a tour of the site."""
    spec = load(write_tour(folder, site, steps, **settings))
    return _apart(
        lambda: rehearse_steps(spec, work_dir=folder / "work", browser=chromium, root=is_root(), patience=PATIENCE)
    )


def _apart(make: Callable[[], Made]) -> Made:
    """Do something with a browser of its own, also where a test's module has one already: that takes a thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(make).result()


def color_at(take: Take, at_s: float, x: int, y: int) -> tuple[int, int, int]:
    """Return the colour of a place of a take's picture at a time, as the middle of a few pixels around it."""
    patch = read_frame(take.path, at_s)[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)
    red, green, blue = (int(value) for value in np.median(patch, axis=0))
    return red, green, blue


def is_near(seen: tuple[int, int, int], wanted: tuple[int, int, int]) -> bool:
    """Say whether two colours look the same after they went through a JPEG."""
    return max(abs(a - b) for a, b in zip(seen, wanted, strict=True)) < 25


def without_slow(warnings: Iterable[str]) -> list[str]:
    """Return the warnings without those about a busy machine, which any test may get."""
    return [warning for warning in warnings if "too busy" not in warning]
