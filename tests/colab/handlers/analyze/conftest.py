"""A desk for the analysis, and small films whose shots, sounds and colours are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab.fake_workbench import FakeWorkbench
from media.confined import examine
from protocol.kinds import KINDS
from protocol.kinds.analysis import Analysis, read_analysis
from protocol.kinds.analyze import ANALYSIS
from protocol.kinds.kind import SOURCE
from tests.support import odd_media

Analyse = Callable[..., tuple[Analysis, FakeWorkbench]]


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., FakeWorkbench]:
    """Return a function that puts a file on a desk, its parameters made to fit as the client does."""
    made: list[FakeWorkbench] = []

    def desk(source: Path, *, raw: dict[str, Any] | None = None, **more: Any) -> FakeWorkbench:
        fit = KINDS["analyze"].fit
        assert fit is not None
        media = examine(source)
        wanted = dict(fit({"size": 64, "sheet_width": 96, **(raw or {})}, media.what, media.container))
        folder = tmp_path / f"desk-{len(made)}" / "work"
        made.append(FakeWorkbench(kind="analyze", raw=wanted, folder=folder, sources={SOURCE: source}, **more))
        return made[-1]

    return desk


@pytest.fixture
def analyse(put: Callable[..., FakeWorkbench]) -> Analyse:
    """Return a function that has a file analysed and returns what is said of it, and the desk."""

    def run(source: Path, **raw: Any) -> tuple[Analysis, FakeWorkbench]:
        desk = put(source, raw=raw)
        desk.run()
        return read_analysis(desk.outputs()[ANALYSIS]), desk

    return run


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a film of four seconds at 10 pictures a second: moving, black, green and still, moving otherwise.

    Its tone is silent from 2.0 to 3.0 s.
    """
    folder = tmp_path_factory.mktemp("parts")
    size = "size=96x64:rate=10:duration=1"
    sources = [f"testsrc2={size}", f"color=black:{size}", f"color=0x20c040:{size}", f"testsrc2={size},hflip,negate"]
    inputs = [word for source in sources for word in ("-f", "lavfi", "-i", source)]
    sound = "sine=frequency=440:sample_rate=24000:duration=4,volume='if(between(t,2,3),0,0.5)':eval=frame"
    joined = "".join(f"[{place}:v]format=yuv420p[v{place}];" for place in range(4)) + "[v0][v1][v2][v3]concat=n=4[v]"
    path = folder / "parts.mkv"
    streams = ("-map", "[v]", "-map", "4:a", "-c:v", "ffv1", "-c:a", "flac")
    odd_media.run([*inputs, "-f", "lavfi", "-i", sound, "-filter_complex", joined, *streams, path])
    return path
