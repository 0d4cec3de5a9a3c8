"""Films and pictures for upscaling, a desk to do it at, and eyes to look at what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from colab.fake_workbench import FakeWorkbench
from colab.work import Handler, WorkResult
from media.examine import examine
from media.info import MediaFile
from protocol.kinds.kind import SOURCE
from protocol.kinds.upscale import KIND, result_path

FAST = {"preset": "ultrafast"}


@dataclass(frozen=True)
class Done:
    """A finished job, and what its result is."""

    desk: FakeWorkbench
    result: WorkResult
    path: Path
    media: MediaFile


@pytest.fixture
def at_desk(tmp_path: Path) -> Callable[..., FakeWorkbench]:
    """Return a maker of desks with one source, its format filled in from it."""
    made: list[FakeWorkbench] = []

    def make(
        source: Path,
        *,
        earlier: dict[str, Path] | None = None,
        stop_after: int | None = None,
        handler: Handler | None = None,
        **raw: Any,
    ) -> FakeWorkbench:
        media = examine(source)
        assert KIND.fit is not None
        fitted = KIND.fit({**FAST, **raw}, media.what, media.container)
        folder = tmp_path / f"desk-{len(made)}"
        made.append(
            FakeWorkbench(
                kind="upscale",
                raw=fitted,
                folder=folder,
                sources={SOURCE: source},
                earlier=earlier or {},
                handler=handler,
                stop_after=stop_after,
            )
        )
        return made[-1]

    return make


@pytest.fixture
def upscale(at_desk: Callable[..., FakeWorkbench]) -> Callable[..., Done]:
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
