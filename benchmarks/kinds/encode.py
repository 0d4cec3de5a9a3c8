"""encode, in one go and in pieces that are checkpoints, against one ffmpeg command with the same encoder and settings.

The peer looks at its result to the end too, as the handler does before it hands one over.
"""

from __future__ import annotations

import functools
import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.kinds.arm import Comparison
from colab.fake_workbench import FakeWorkbench
from colab.handlers.encode import EncodeHandler
from colab.video.segments import SegmentLength
from media import ffmpeg
from media.confined import examine

SIZE, RATE, SECONDS = "640x360", 25, 30
PIECE_S = 2
"""Seconds of work in a piece, a twentieth of the handler's own: what a piece costs shows in a short film too."""

PRESET, CRF = "medium", 20
LARGER = 1.05
"""How much larger ours may be: each piece begins with a key frame."""


def comparisons(folder: Path) -> Iterator[Comparison]:
    """Yield one comparison for each way, over one film."""
    source = folder / "film.mkv"
    picture = f"mandelbrot=size={SIZE}:rate={RATE}:start_scale=2:end_scale=0.05:end_pts={SECONDS * RATE}"
    sound = f"sine=duration={SECONDS}"
    _run(["-t", str(SECONDS), "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-c:v", "libx264",
          "-preset", "veryfast", "-crf", "16", "-pix_fmt", "yuv420p", "-c:a", "aac", source])  # fmt: skip
    numbers = itertools.count()

    def ours(piece_s: float, pieces: int) -> Path:
        """Encode, put pieces together, and decode the result to its end."""
        raw = {"format": "mp4", "encoder": "x264", "preset": PRESET, "quality": CRF, "audio_codec": "copy"}
        desk = FakeWorkbench(
            kind="encode",
            raw=raw,
            folder=folder / f"ours-{next(numbers)}",
            sources={"source": source},
            handler=EncodeHandler(segments=SegmentLength(work_s=piece_s)),
        )
        desk.run()
        assert len(desk.checkpoints) == pieces, f"the film was encoded in {len(desk.checkpoints)} pieces"
        return desk.output(desk.published[0])

    def theirs() -> Path:
        target = folder / "theirs.mp4"
        _run(["-i", source, "-c:v", "libx264", "-preset", PRESET, "-crf", str(CRF), "-threads:v", "8",
              "-pix_fmt", "yuv420p", "-c:a", "copy", "-movflags", "+faststart", target])  # fmt: skip
        _run(["-i", target, "-f", "null", "-"])
        return target

    for told, piece_s, pieces in (("in one go", 1e6, 0), ("in two pieces", PIECE_S, 2)):
        yield Comparison(
            name=f"{SECONDS} s at 360 lines by x264, {told}",
            ours=functools.partial(ours, piece_s, pieces),
            theirs=theirs,
            theirs_is="one ffmpeg command, and a look at its result",
            equal=_unlike,
        )


def _run(arguments: list[str | Path]) -> None:
    subprocess.run([ffmpeg.find().path, "-v", "error", "-nostdin", "-y", *arguments], check=True)


def _unlike(ours: object, theirs: object) -> str | None:
    """Say what is different between two films; None when they are of one length, and ours is hardly larger."""
    first, second = Path(str(ours)), Path(str(theirs))
    one, other = examine(first).picture, examine(second).picture
    assert one is not None
    assert other is not None
    if (one.size, one.frames, one.codec) != (other.size, other.frames, other.codec):
        return f"{one.size}, {one.frames} frames and {other.size}, {other.frames}"
    larger = first.stat().st_size / second.stat().st_size
    return f"ours is {larger:.2f} times as large" if larger > LARGER else None
