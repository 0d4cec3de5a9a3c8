"""What the contract suite needs to know of the kind stabilize."""

from __future__ import annotations

from pathlib import Path

from colab.handlers.stabilize import StabilizeHandler
from colab.video.segments import SegmentLength
from tests.contract.handlers.case import HandlerCase
from tests.support.odd_media import film


def _source(folder: Path) -> Path:
    return film(folder / "shaky.mp4", size="96x64", seconds=0.75)


CASE = HandlerCase(
    kind="stabilize",
    params={"preset": "ultrafast"},
    source=_source,
    long_handler=StabilizeHandler(segments=SegmentLength(fewest=8, most=8), checkpoint_frames=4),
    accepts={"hdr and 10 bits": "UNSUPPORTED"},
)
