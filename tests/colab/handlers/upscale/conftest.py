"""Films and pictures for upscaling, a desk to do it at, and eyes to look at what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from colab.handlers.work import Result
from media.examine import examine
from media.info import MediaFile
from protocol.kinds.kind import SOURCE
from protocol.kinds.upscale import KIND, result_path
from tests.contract.handlers.case import Desk

FAST = {"preset": "ultrafast"}


@dataclass(frozen=True)
class Done:
    """A finished job, and what its result is."""

    desk: Desk
    result: Result
    path: Path
    media: MediaFile


@pytest.fixture
def at_desk(tmp_path: Path) -> Callable[..., Desk]:
    """Return a maker of desks with one source, its format filled in from it."""
    made: list[Desk] = []

    def make(
        source: Path, *, leftover: dict[str, Path] | None = None, stop_after: int | None = None, **raw: Any
    ) -> Desk:
        media = examine(source)
        assert KIND.fit is not None
        fitted = KIND.fit({**FAST, **raw}, media.what, media.container)
        folder = tmp_path / f"desk-{len(made)}"
        made.append(
            Desk(
                kind="upscale",
                raw=fitted,
                folder=folder,
                sources={SOURCE: source},
                leftover=leftover or {},
                stop_after=stop_after,
            )
        )
        return made[-1]

    return make


@pytest.fixture
def upscale(at_desk: Callable[..., Desk]) -> Callable[..., Done]:
    """Return a function that has a source upscaled by the real handler."""

    def run(source: Path, **raw: Any) -> Done:
        desk = at_desk(source, **raw)
        result = desk.run()
        path = desk.output(result_path(desk.params))  # type: ignore[arg-type]
        return Done(desk, result, path, examine(path))

    return run


def frames(path: Path, pixels: str = "rgb24") -> np.ndarray:
    """Return every frame of a film, not turned: (frames, height, width, …)."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format=pixels) for frame in container.decode(video=0)])


def shown_at(path: Path) -> list[float]:
    """Return when each frame of a film is shown, from the first on."""
    with av.open(str(path)) as container:
        at = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    return [each - at[0] for each in at]
