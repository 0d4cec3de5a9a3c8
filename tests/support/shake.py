"""Films that shake by a known amount, and what is left of a shake: measured in the pictures, by nobody's stabiliser."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from media import ffmpeg

Grid = NDArray[np.float64]

RATE = 25
SLOW = 10
"""Pictures to either side that a slow movement is averaged over; what is faster is shake."""


@dataclass(frozen=True)
class Shake:
    """Where the camera points in each picture: pixels and radians. A pan goes on beneath it."""

    x: Grid
    y: Grid
    angle: Grid


@dataclass(frozen=True)
class Residual:
    """What shakes still, as the root of the mean square between pictures: pixels, degrees."""

    pixels: float
    degrees: float


def shake(frames: int, height: int, seed: int = 2) -> Shake:
    """Return a shake as of a hand: fast and slower trembling, some turning, and a slow pan, all known."""
    chance = np.random.default_rng(seed)

    def trembling(width: float, amount: float) -> Grid:
        kernel = np.exp(-0.5 * (np.arange(-20, 21) / width) ** 2)
        noise = chance.standard_normal(frames + 60)
        return np.convolve(noise, kernel / np.sqrt((kernel**2).sum()), "same")[30 : 30 + frames] * amount

    x = trembling(1, height * 0.004) + trembling(4, height * 0.012) + np.arange(frames) * height * 0.002
    y = trembling(1, height * 0.004) + trembling(4, height * 0.012)
    return Shake(x, y, np.radians(trembling(1, 0.15) + trembling(4, 0.4)))


def film(path: Path, size: tuple[int, int], frames: int, seed: int = 2) -> Shake:
    """Write a film of a fixed texture seen by a shaking camera; return how it shook."""
    width, height = size
    moved = shake(frames, height, seed)
    edge = height // 4 + 8
    scene = _texture(width + 2 * edge + int(frames * height * 0.002), height + 2 * edge)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    across, down = columns - (width - 1) / 2, rows - (height - 1) / 2
    command = [str(ffmpeg.find().path), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray"]
    command += ["-s", f"{width}x{height}", "-r", str(RATE), "-i", "-", "-pix_fmt", "yuv420p"]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "16", str(path)]
    noise = np.random.default_rng(5)
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None  # opened as a pipe
        for n in range(frames):
            cos, sin = np.cos(moved.angle[n]), np.sin(moved.angle[n])
            x = across * cos - down * sin + edge + (width - 1) / 2 + moved.x[n]
            y = across * sin + down * cos + edge + (height - 1) / 2 + moved.y[n]
            seen = _sampled(scene, x, y) + noise.standard_normal((height, width)) * 2
            process.stdin.write(np.clip(seen, 0, 255).astype(np.uint8).tobytes())
    assert process.returncode == 0
    return moved


def residual(path: Path) -> Residual:
    """Return what of the fast motion is left in a film: between each two pictures, less the slow movement."""
    motions = np.array(list(_motions(path)))
    kernel = np.ones(2 * SLOW + 1) / (2 * SLOW + 1)
    padded = np.pad(motions, ((SLOW, SLOW), (0, 0)), mode="reflect")
    slow = np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in range(3)], axis=1)
    fast = (motions - slow)[3:-3]
    return Residual(
        pixels=float(np.sqrt((fast[:, :2] ** 2).sum(axis=1).mean())),
        degrees=float(np.degrees(np.sqrt((fast[:, 2] ** 2).mean()))),
    )


def _motions(path: Path) -> Iterator[Grid]:
    before: Grid | None = None
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            grey = frame.reformat(format="gray").to_ndarray().astype(np.float64)
            if before is not None:
                yield _motion(before, grey)
            before = grey


def _motion(before: Grid, after: Grid) -> Grid:
    """Return (x, y, angle) by which the middle of a picture moved: least squares on its slopes, from coarse to fine."""
    found = np.zeros(3)
    fine = max(1, before.shape[0] // 360)
    for factor in (fine * 4, fine * 2, fine, fine):
        first, second = _reduced(before, factor), _reduced(after, factor)
        found[:2] = (found[:2] / factor + _step(first, second, found / (factor, factor, 1))[:2]) * factor
        found[2] += _step(first, second, found / (factor, factor, 1))[2]
    return found


def _step(first: Grid, second: Grid, known: Grid) -> Grid:
    """Return what is missing from the known motion."""
    height, width = first.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    across, down = columns - (width - 1) / 2, rows - (height - 1) / 2
    cos, sin = np.cos(known[2]), np.sin(known[2])
    x = across * cos - down * sin + known[0] + (width - 1) / 2
    y = across * sin + down * cos + known[1] + (height - 1) / 2
    inner = (slice(height // 5, -(height // 5)), slice(width // 5, -(width // 5)))
    seen = _sampled(second, np.clip(x, 0, width - 1.001), np.clip(y, 0, height - 1.001))
    slope_y, slope_x = np.gradient(seen)
    turning = across * slope_y - down * slope_x
    slopes = np.stack([each[inner].ravel() for each in (slope_x, slope_y, turning)])
    lacking = (first - seen)[inner].ravel()
    missing: Grid = np.linalg.solve(slopes @ slopes.T, slopes @ lacking)
    return missing


def _reduced(picture: Grid, factor: int) -> Grid:
    height, width = (side // factor * factor for side in picture.shape)
    small: Grid = picture[:height, :width].reshape(height // factor, factor, width // factor, factor).mean((1, 3))
    return small


def _sampled(picture: Grid, x: Grid, y: Grid) -> Grid:
    """Return what a picture shows between its pixels."""
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, low = x - left, y - top
    upper = picture[top, left] * (1 - right) + picture[top, left + 1] * right
    lower = picture[top + 1, left] * (1 - right) + picture[top + 1, left + 1] * right
    sampled: Grid = upper * (1 - low) + lower * low
    return sampled


def _texture(width: int, height: int) -> Grid:
    """Return a picture with something of every size in it, and nothing twice."""
    chance = np.random.default_rng(1)
    scene = np.zeros((height, width))
    for size in (4, 8, 16, 64, 256):
        coarse = chance.standard_normal((height // size + 3, width // size + 3))
        rows, columns = np.mgrid[0:height, 0:width] / size
        scene += _sampled(coarse, columns, rows) * size**0.35
    for _ in range(120):
        x, y = int(chance.integers(0, width)), int(chance.integers(0, height))
        side = int(chance.integers(10, max(12, height // 8)))
        scene[y : y + side, x : x + int(side * chance.uniform(0.3, 1.5))] = chance.uniform(-4, 4)
    return (scene - scene.mean()) / scene.std() * 45 + 128
