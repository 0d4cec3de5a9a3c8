"""Analysis in one pass against one ffmpeg pass for each measure: the same file, on warm code, with the same answers.

Ours finds shots, black, frozen and silent parts and loudness, and measures sharpness, colour and motion of every
picture beside; theirs are five runs of ffmpeg, as one finds them in answers to "how do I find …".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.kinds.arm import Comparison
from colab.fake_workbench import FakeWorkbench
from media import ffmpeg
from media.ffmpeg import file_url
from protocol.kinds.analysis import Analysis, read_analysis
from protocol.kinds.analyze import ANALYSIS

SIZE, RATE = "1280x720", 25
PARTS = (
    f"testsrc2=size={SIZE}:rate={RATE}:duration=6",
    f"mandelbrot=size={SIZE}:rate={RATE}:start_scale=0.5:end_scale=0.3:end_pts=600,trim=duration=6",
    f"color=black:size={SIZE}:rate={RATE}:duration=3",
    f"gradients=size={SIZE}:rate={RATE}:duration=6:speed=0.02:seed=3:nb_colors=4",
    f"smptehdbars=size={SIZE}:rate={RATE}:duration=5",
    f"testsrc2=size={SIZE}:rate={RATE}:duration=4,negate",
)
"""Shots that everybody tells apart; the third is black, the fifth stands still, and black stands still too."""

SOUND = (
    "sine=frequency=330:sample_rate=48000:duration=30,volume='if(between(t,8,11)+between(t,20,21.5),0,0.5)':eval=frame"
)
SECONDS = {"black": 0.5, "freeze": 2.0, "silence": 0.5}
FRAME_S = 1.5 / RATE
SOUND_S = 0.15
"""How far two times may lie apart: a picture, and the blocks that a sound is looked at in."""


def film(path: Path) -> Path:
    """Write the film: half a minute at 720p."""
    inputs = [part for source in PARTS for part in ("-f", "lavfi", "-i", source)]
    joined = "".join(f"[{place}:v]format=yuv420p,setsar=1[v{place}];" for place in range(len(PARTS)))
    joined += "".join(f"[v{place}]" for place in range(len(PARTS))) + f"concat=n={len(PARTS)}[v]"
    sound = ("-f", "lavfi", "-i", SOUND)
    streams = ("-map", "[v]", "-map", f"{len(PARTS)}:a")
    coded = ("-c:v", "libx264", "-preset", "veryfast", "-g", "250", "-c:a", "aac")
    ffmpeg.find().run(["-v", "error", *inputs, *sound, "-filter_complex", joined, *streams, *coded, path])
    return path


def one_pass(source: Path, folder: Path, number: itertools.count[int]) -> Analysis:
    """Analyse the film by the handler, from looking at the file to the JSON."""
    work = FakeWorkbench(
        kind="analyze", raw={"sheet": False}, folder=folder / f"work-{next(number)}", sources={"source": source}
    )
    work.run()
    return read_analysis(work.outputs()[ANALYSIS])


def many_passes(source: Path) -> dict[str, Any]:
    """Run ffmpeg once for each measure and read its words."""
    program = ffmpeg.find()

    def run(kind: str, filters: str) -> str:
        without = "-an" if kind == "vf" else "-vn"
        return program.run(["-i", file_url(source), without, f"-{kind}", filters, "-f", "null", "-"])

    cuts = run("vf", "scdet=threshold=10")
    black = run("vf", f"blackdetect=d={SECONDS['black']}")
    freeze = run("vf", f"freezedetect=n=0.001:d={SECONDS['freeze']}")
    loud = run("af", "ebur128=peak=true")
    quiet = run("af", f"silencedetect=noise=-50dB:d={SECONDS['silence']}")
    return {
        "cuts": _numbers(r"lavfi\.scd\.time: ([\d.]+)", cuts),
        "black": _pairs(black, r"black_start:([\d.]+)", r"black_end:([\d.]+)"),
        "freeze": _pairs(freeze, r"freeze_start: ([\d.]+)", r"freeze_end: ([\d.]+)"),
        "silence": _pairs(quiet, r"silence_start: ([\d.]+)", r"silence_end: ([\d.]+)"),
        "integrated": _numbers(r"I:\s+(-?[\d.]+) LUFS", loud)[-1],
        "peak": _numbers(r"Peak:\s+(-?[\d.]+) dBFS", loud)[-1],
    }


def _numbers(pattern: str, text: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, text)]


def _pairs(text: str, start: str, end: str) -> list[tuple[float, float]]:
    return list(zip(_numbers(start, text), _numbers(end, text), strict=False))


def unlike(ours: object, theirs: object) -> str | None:
    """Say where two answers differ."""
    assert isinstance(ours, Analysis)
    assert isinstance(theirs, dict)
    assert ours.loudness is not None
    found = {
        "cuts": ([(shot.start_s,) for shot in ours.shots[1:]], [(at,) for at in theirs["cuts"]], FRAME_S),
        "black": ([(one.start_s, one.end_s) for one in ours.black], theirs["black"], FRAME_S),
        "freeze": ([(one.start_s, one.end_s) for one in ours.freeze], theirs["freeze"], FRAME_S),
        "silence": ([(one.start_s, one.end_s) for one in ours.silence], theirs["silence"], SOUND_S),
        "integrated": ([(ours.loudness.integrated_lufs,)], [(theirs["integrated"],)], 0.1001),
        "peak": ([(ours.loudness.true_peak_dbfs,)], [(theirs["peak"],)], 0.1001),
    }
    wrong = [f"{what}: {ours} and {theirs}" for what, (ours, theirs, near) in found.items() if _far(ours, theirs, near)]
    return "; ".join(wrong) or None


def _far(ours: Sequence[Sequence[Any]], theirs: Sequence[Sequence[Any]], near: float) -> bool:
    if len(ours) != len(theirs):
        return True
    return any(
        abs(a - b) > near for one, other in zip(ours, theirs, strict=True) for a, b in zip(one, other, strict=True)
    )


def comparisons(folder: Path) -> list[Comparison]:
    """Return the one comparison."""
    source, number = film(folder / "film.mp4"), itertools.count()
    return [
        Comparison(
            name="half a minute at 720p, all measures",
            ours=lambda: one_pass(source, folder, number),
            theirs=lambda: many_passes(source),
            theirs_is="five runs of ffmpeg",
            equal=unlike,
        )
    ]
