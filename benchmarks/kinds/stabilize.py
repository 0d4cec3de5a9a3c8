"""stabilize against the two plain ffmpeg commands: motion first, what shakes still in the pictures made equal first."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.kinds.arm import Comparison
from colab.fake_workbench import FakeWorkbench
from colab.handlers.stabilize.detect import Detector
from media import confined, ffmpeg
from media.info import MediaFile
from protocol.kinds.stabilize import Params
from tests.support import shake

SIZE = (1920, 1080)
FRAMES = 60
QUALITY = 23  # x264's own, which the plain command uses
WORSE = 1.1
"""What more may shake still in our film than in theirs: the meter itself is right to a few hundredths of a pixel."""

DETECT = "vidstabdetect=stepsize=32:shakiness=10:accuracy=15:result=transform.trf"
TRANSFORM = "vidstabtransform=input=transform.trf:zoom=0:smoothing=10"


def comparisons(folder: Path) -> Iterator[Comparison]:
    """Yield the first pass by itself, and the whole."""
    source = folder / "shaky.mp4"
    shake.film(source, SIZE, FRAMES)
    media = confined.examine(source)  # once for a job, whichever passes follow: it counts in the whole
    yield Comparison(
        name=f"detection, {SIZE[1]} lines, {FRAMES} pictures",
        ours=lambda: _detected(media, folder),
        theirs=lambda: _plain(folder, ["-vf", DETECT, "-f", "null", "-"]),
        theirs_is="vidstabdetect",
        equal=lambda ours, theirs: _as_steady(_whole(source, folder), _plain_whole(folder)),
        target=1 / 1.5,
    )
    yield Comparison(
        name=f"the whole, {SIZE[1]} lines, {FRAMES} pictures",
        ours=lambda: _whole(source, folder),
        theirs=lambda: _plain_whole(folder),
        theirs_is="the two commands",
        equal=_as_steady,
    )


def _detected(media: MediaFile, folder: Path) -> int:
    """Find the motion of a film, as the handler does, to the fields that vid.stab goes on from; return how many."""
    assert media.picture is not None  # a film
    detector = Detector(
        ffmpeg=ffmpeg.find(),
        path=media.path,
        container=media.container,
        picture=media.picture,
        params=Params(),
        folder=folder,
    )
    return len(detector.look(0, lambda done: None))


def _whole(source: Path, folder: Path) -> Path:
    """Have the handler make the film steady."""
    desk = FakeWorkbench(kind="stabilize", raw={"quality": QUALITY}, folder=folder / "desk", sources={"source": source})
    desk.run()
    return desk.output(desk.published[0])


def _plain_whole(folder: Path) -> Path:
    _plain(folder, ["-vf", DETECT, "-f", "null", "-"])
    return _plain(folder, ["-vf", TRANSFORM, "plain.mp4"])


def _plain(folder: Path, arguments: list[str]) -> Path:
    command = [str(ffmpeg.find().path), "-v", "error", "-y", "-i", "shaky.mp4", *arguments]
    subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL)
    return folder / "plain.mp4"


def _as_steady(ours: object, theirs: object) -> str | None:
    """Say whether more shakes still in our film than in theirs."""
    assert isinstance(ours, Path)
    assert isinstance(theirs, Path)
    left, other = shake.residual(ours), shake.residual(theirs)
    told = f"{left.pixels:.3f} px and {left.degrees:.4f} degrees, theirs {other.pixels:.3f} and {other.degrees:.4f}"
    print(f"stabilize: what shakes still: ours {told}", flush=True)
    worse = left.pixels > other.pixels * WORSE or left.degrees > other.degrees * WORSE
    return f"more shakes still in our film: {told}" if worse else None
