"""Ten steps of 3 s at 720p with narration, cut into one video: gpudrop and three alternatives, in one run.

    .venv/bin/python benchmarks/assembly.py [--runs 5] [--moviepy PYTHON] [--json FILE]

Ours is the whole of `render`: takes checked, track mixed, measured and limited, one encode, film read back. The others
are plain ffmpeg with everything in one filter graph; ffmpeg that encodes every step and then the film (as the usual
scripts do); and moviepy, if PYTHON is that of an environment that has it (`uv venv; uv pip install moviepy`). All use
libx264 with the same preset and quality. Films must agree in frames and size before their time counts (to the frame
where one encode makes them; where encoded steps are joined, the padding of their sound adds one now and then).
Beside the time stands what the processors worked, which says more where other programs run too.
`concat -c copy` of steps that are encoded already shows what remains when nothing is encoded: no film of ours.

Target: no slower than the one filter graph.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile

from dispatcher.assembly.render import RenderOptions, render
from dispatcher.assembly.timeline import FPS, Clip, Timeline
from media import ffmpeg
from media.take import TakeWriter

STEPS, STEP_S, SIZE = 10, 3, (1280, 720)
OPTIONS = RenderOptions(size=SIZE)
ENCODE = ["-c:v", "libx264", "-preset", OPTIONS.preset, "-crf", str(OPTIONS.crf), "-c:a", "aac", "-b:a", "192k"]
ENCODE += ["-ar", "48000", "-ac", "2"]
PICTURE = f"scale={SIZE[0]}:{SIZE[1]}:in_range=full:out_range=tv:out_color_matrix=bt709,format=yuv420p,fps={FPS}"
LOUD = "loudnorm=I=-16:TP=-1.5"
MOVIEPY = """
import json, sys
from moviepy import AudioFileClip, CompositeAudioClip, VideoFileClip, concatenate_videoclips
told = json.load(sys.stdin)
clips = []
for take, sound in told["steps"]:
    video = VideoFileClip(take).with_fps(told["fps"]).with_duration(told["seconds"])
    clips.append(video.with_audio(CompositeAudioClip([AudioFileClip(sound)]).with_duration(told["seconds"])))
film = concatenate_videoclips(clips)
film.write_videofile(told["out"], fps=told["fps"], codec="libx264", preset=told["preset"], audio_bitrate="192k",
                     audio_fps=48000, ffmpeg_params=["-crf", str(told["crf"])], logger=None)
"""


@dataclass(frozen=True, kw_only=True)
class Material:
    """The input of every candidate: takes and narration."""

    steps: tuple[tuple[Path, Path], ...]
    encoded: Path  # the list of steps that are encoded already


def material(folder: Path) -> Material:
    """Make takes of a page that scrolls for a second and then stays still, and syllables of noise."""
    steps = []
    for n in range(STEPS):
        steps.append((take(folder / f"{n}.mkv", n), sound(folder / f"{n}.wav", n)))
    (folder / "encoded.ffconcat").write_text(encoded(tuple(steps), folder))
    return Material(steps=tuple(steps), encoded=folder / "encoded.ffconcat")


def take(path: Path, seed: int) -> Path:
    """Write a take: lines of dark blocks on white, like text."""
    generator = np.random.default_rng(seed)
    words = generator.random((120, 160)) < 0.6
    page = np.where(np.kron(words, np.ones((12, 8), bool)) & (np.arange(1440) % 24 < 12)[:, None], 40, 250)
    page = np.repeat(page.astype(np.uint8)[:, :, None], 3, axis=2)
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height = SIZE
    codec.pix_fmt, codec.framerate = "yuvj420p", FPS
    codec.options = {"qmin": "2", "qmax": "3"}
    writer = TakeWriter(path, SIZE)
    for n in range(FPS):
        shown = np.ascontiguousarray(page[n * 24 : n * 24 + SIZE[1]])
        (packet,) = codec.encode(av.VideoFrame.from_ndarray(shown, format="rgb24").reformat(format="yuvj420p"))
        writer.add(bytes(packet), n / FPS)
    writer.close(STEP_S)
    return path


def sound(path: Path, seed: int) -> Path:
    """Write 2.5 s of syllables of noise."""
    samples = np.random.default_rng(seed).standard_normal(round(2.5 * 24_000)) * 0.05
    samples *= 0.5 + 0.5 * np.sin(2 * np.pi * 4 * np.arange(samples.size) / 24_000)
    soundfile.write(path, samples.astype(np.float32), 24_000, subtype="PCM_16")
    return path


def encoded(steps: tuple[tuple[Path, Path], ...], folder: Path) -> str:
    """Encode every step to a separate file and return the list of files."""
    lines = ["ffconcat version 1.0"]
    for n, (shot, spoken) in enumerate(steps):
        out = folder / f"step-{n}.mp4"
        inputs = ["-i", shot, "-i", spoken, "-vf", f"{PICTURE},tpad=stop=-1:stop_mode=clone", "-af", "apad"]
        ffmpeg.find().run([*inputs, "-t", str(STEP_S), *ENCODE, out])
        lines.append(f"file '{out}'")
    return "\n".join(lines) + "\n"


def ours(made: Material, out: Path) -> None:
    """Cut the video as gpudrop does."""
    clips = tuple(
        Clip(step_id=shot.stem, title=shot.stem, take=shot, frames=STEP_S * FPS, narration=spoken)
        for shot, spoken in made.steps
    )
    render(ffmpeg.find(), Timeline(clips), out, OPTIONS)


def one_graph(made: Material, out: Path) -> None:
    """Give ffmpeg every file and one filter graph."""
    inputs = [word for step in made.steps for path in step for word in ("-i", path)]
    chains = [
        f"[{2 * n}:v]{PICTURE},tpad=stop=-1:stop_mode=clone,trim=duration={STEP_S}[v{n}];"
        f"[{2 * n + 1}:a]aresample=48000,apad,atrim=duration={STEP_S}[a{n}]"
        for n in range(STEPS)
    ]
    joined = "".join(f"[v{n}][a{n}]" for n in range(STEPS)) + f"concat=n={STEPS}:v=1:a=1[v][b];[b]{LOUD}[a]"
    graph = ["-filter_complex", ";".join([*chains, joined]), "-map", "[v]", "-map", "[a]"]
    ffmpeg.find().run([*inputs, *graph, *ENCODE, "-t", str(STEPS * STEP_S), out])


def twice(made: Material, out: Path) -> None:
    """Encode every step, then the video from the encoded steps."""
    listed = out.with_suffix(".ffconcat")
    listed.write_text(encoded(made.steps, out.parent))
    ffmpeg.find().run(["-f", "concat", "-safe", "0", "-i", listed, "-af", LOUD, *ENCODE, "-r", str(FPS), out])


def moviepy(python: Path) -> Callable[[Material, Path], None]:
    """Return a candidate that uses moviepy, in the environment of this Python."""

    def cut(made: Material, out: Path) -> None:
        told = {"fps": FPS, "seconds": STEP_S, "out": str(out), "preset": OPTIONS.preset, "crf": OPTIONS.crf}
        told["steps"] = [[str(path) for path in step] for step in made.steps]
        subprocess.run([python, "-c", MOVIEPY], input=json.dumps(told), text=True, check=True)

    return cut


def copied(made: Material, out: Path) -> None:
    """Join the encoded steps."""
    ffmpeg.find().run(["-f", "concat", "-safe", "0", "-i", made.encoded, "-c", "copy", out])


def check(film: Path, *, exact: bool) -> None:
    """End the run unless the video is correct."""
    with av.open(str(film)) as container:
        video = container.streams.video[0]
        frames, size = sum(1 for _ in container.decode(video)), (video.width, video.height)
        tracks = len(container.streams.audio)
    if size != SIZE or tracks != 1 or abs(frames - STEPS * STEP_S * FPS) > (0 if exact else STEPS):
        raise SystemExit(f"{film}: {frames} frames of {size}, {tracks} sound track(s)")


def main() -> None:
    """Run, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--moviepy", type=Path, metavar="PYTHON")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    ways: dict[str, Callable[[Material, Path], None]] = {"gpudrop": ours, "one filter graph": one_graph}
    ways |= {"encoded twice": twice, "concat -c copy": copied}
    if options.moviepy:
        ways["moviepy"] = moviepy(options.moviepy)
    table = run(ways, options.runs)
    for name, row in table.items():
        told = "   ".join(f"{figure} {row[f'{figure}_s']:7.2f} s" for figure in ("median", "best", "cpu"))
        print(f"{name:18} {told}   n={options.runs}")
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")


def run(ways: dict[str, Callable[[Material, Path], None]], runs: int) -> dict[str, dict[str, float]]:
    """Time every candidate equally often, in random order; each video is checked."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    worked: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        made = material(Path(folder))
        for _ in range(runs):
            for name in random.sample(list(ways), len(ways)):
                out = Path(folder) / "film.mp4"
                started, before = time.perf_counter(), processors()
                ways[name](made, out)
                times[name].append(time.perf_counter() - started)
                worked[name].append(processors() - before)
                check(out, exact=name in ("gpudrop", "one filter graph"))
    return {
        name: {
            "median_s": round(statistics.median(took), 2),
            "best_s": round(min(took), 2),
            "cpu_s": round(statistics.median(worked[name]), 2),
        }
        for name, took in times.items()
    }


def processors() -> float:
    """Return the CPU seconds of this process and its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
