"""Makes docs/tour.gif from the video that `make demo` records: `.venv/bin/python docs/gif.py [VIDEO] [--out FILE]`.

A few seconds of some chapters, with the captions in the picture since a GIF has no sound, and one palette for all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import av

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from media import ffmpeg  # noqa: E402  # this folder is no package

VIDEO = ROOT / "demo-output" / "jupyterlab-tour.mp4"
GIF = ROOT / "docs" / "tour.gif"
WIDTH, RATE, COLOURS = 800, 15, 128
HELD_S = 2.0
MOST_BYTES = 3_000_000

SHOWN = {
    "A new notebook": (0.0, 5.5),
    "Typing code": (3.0, 11.5),
    "Running a cell": (0.5, 5.5),
    "A plot appears": (1.5, 30.0),
}
"""Which chapters are shown, and the time span of each."""

CAPTION = "FontName=Liberation Sans,FontSize=15,OutlineColour=&H00302820,BorderStyle=3,Outline=5,Shadow=0,MarginV=16"


def main() -> None:
    """Make the GIF and print its path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", nargs="?", type=Path, default=VIDEO)
    parser.add_argument("--out", type=Path, default=GIF)
    asked = parser.parse_args()
    if not asked.video.is_file():
        sys.exit(f"{asked.video} does not exist; record it first: make demo")
    made = make(asked.video.absolute(), asked.out.absolute())
    sys.stdout.write(f"{made} ({made.stat().st_size / 1e6:.1f} MB)\n")


def make(video: Path, out: Path) -> Path:
    """Write the GIF of a video with captions beside it. Ends with a message if it would be too large."""
    parts = excerpts(video)
    if not parts:
        sys.exit(f"{video} has none of the chapters: {', '.join(SHOWN)}")
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "captions.srt").write_text(video.with_suffix(".srt").read_text("utf-8"), encoding="utf-8")
        made = Path(scratch) / "tour.gif"
        program = ffmpeg.find(None)
        program.run(
            ["-i", str(video), "-filter_complex", _filters(parts), "-loop", "0", str(made)], folder=Path(scratch)
        )
        if made.stat().st_size > MOST_BYTES:
            sys.exit(
                f"the GIF has {made.stat().st_size / 1e6:.1f} MB; show less of it (SHOWN in {Path(__file__).name})"
            )
        out.write_bytes(made.read_bytes())
    return out


def excerpts(video: Path) -> list[tuple[float, float]]:
    """Return the start and end of each part, in seconds."""
    with av.open(str(video)) as opened:
        chapters = [
            (it["metadata"].get("title", ""), float(it["start"] * it["time_base"]), float(it["end"] * it["time_base"]))
            for it in opened.chapters()
        ]
    return [
        (begin + SHOWN[title][0], min(end, begin + SHOWN[title][1])) for title, begin, end in chapters if title in SHOWN
    ]


def _filters(parts: list[tuple[float, float]]) -> str:
    """Return the filters: captions, the parts one after another, scaled down, with a palette made from them."""
    chosen = "+".join(f"between(t,{begin:.3f},{end:.3f})" for begin, end in parts)
    return (
        f"[0:v]subtitles=captions.srt:force_style='{CAPTION}',select='{chosen}',setpts=N/FRAME_RATE/TB,"
        f"fps={RATE},scale={WIDTH}:-2:flags=lanczos,tpad=stop_mode=clone:stop_duration={HELD_S},split[a][b];"
        f"[a]palettegen=max_colors={COLOURS}:stats_mode=diff[p];[b][p]paletteuse=dither=none:diff_mode=rectangle"
    )


if __name__ == "__main__":
    main()
