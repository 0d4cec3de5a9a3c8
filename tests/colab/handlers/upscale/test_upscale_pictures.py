"""Pictures made larger: grey stays grey, 16 bits stay 16, and nothing bleeds out of what cannot be seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colab.fake_workbench import FakeWorkbench
from colab.handlers.upscale.image import filled
from media import ffmpeg
from media.pipes import FrameReader, FrameWriter
from protocol.errors import JobFailed
from tests.colab.handlers.upscale.conftest import Done
from tests.support.odd_media import PICTURES, picture

Upscale = Callable[..., Done]


def written(path: Path, pixels: np.ndarray, kind: str) -> Path:
    """Write a picture exactly."""
    height, width = pixels.shape[:2]
    taking = ["-f", "rawvideo", "-pix_fmt", kind, "-video_size", f"{width}x{height}", "-i", "pipe:0"]
    with FrameWriter(ffmpeg.find(), [*taking, "-frames:v", "1", "-update", "1", path]) as writer:
        writer.write(np.ascontiguousarray(pixels).view(np.uint8).reshape(-1))
        writer.finish()
    return path


def read(done: Done, kind: str, depth: int) -> np.ndarray:
    """Return the pixels of a result as (height, width, depth)."""
    assert done.media.picture is not None
    width, height = done.media.picture.size
    number = np.dtype("<u2") if "le" in kind else np.dtype(np.uint8)
    arguments = [*ffmpeg.input_arguments(done.path, done.media.container), "-f", "rawvideo", "-pix_fmt", kind, "pipe:1"]
    with FrameReader(ffmpeg.find(), arguments, width * height * depth * number.itemsize) as reader:
        frame = reader.read()
    assert frame is not None
    return frame.view(number).reshape(height, width, depth)


@pytest.mark.parametrize("format_", ["png", "tiff"])
def test_sixteen_bits_and_alpha_stay(upscale: Upscale, tmp_path: Path, format_: str) -> None:
    """Values between two of 8 bits are still there."""
    rows = np.linspace(0, 65535, 40).astype("<u2")
    pixels = np.stack([np.tile(rows, (20, 1))] * 3 + [np.full((20, 40), 40_000, "<u2")], 2)
    done = upscale(written(tmp_path / "a.png", pixels, "rgba64le"), format=format_, sharpen=0)
    assert done.media.picture is not None
    assert (done.media.picture.pixels.bits, done.media.picture.pixels.alpha) == (16, True)
    large = read(done, "rgba64le", 4)
    assert large.shape == (40, 80, 4)
    assert np.abs(large[..., 3].astype(int) - 40_000).max() <= 2
    assert len(np.unique(large[..., 0] & 255)) > 40


@pytest.mark.parametrize(("kind", "format_"), [("gray", "png"), ("gray", "jpg"), ("gray16be", "png"), ("gray", "tiff")])
def test_grey_stays_grey(upscale: Upscale, tmp_path: Path, kind: str, format_: str) -> None:
    """A picture without colours gets none, and its file holds none."""
    done = upscale(picture(tmp_path / "a.png", kind), format=format_)
    assert done.media.picture is not None
    assert done.media.picture.pixels.format.startswith("gray")
    assert done.media.picture.size == (128, 96)


def test_what_is_seen_has_no_halo_of_what_is_not(upscale: Upscale, tmp_path: Path) -> None:
    """Red on nothing, where the nothing is stored as bright green: over white no pixel gets greenish."""
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[...] = (0, 255, 0, 0)
    pixels[8:24, 8:24] = (200, 0, 0, 255)
    large = read(upscale(written(tmp_path / "a.png", pixels, "rgba")), "rgba", 4).astype(int)
    seen = large[large[..., 3] > 8]
    assert len(seen) > 900
    assert seen[:, 1].max() <= 8


def test_hidden_colours_are_taken_from_around_and_seen_ones_stay() -> None:
    """Bit for bit where anything is seen, the nearest elsewhere."""
    colours = np.zeros((3, 7, 9), np.uint8)
    colours[:, 2, 3] = (10, 20, 30)
    colours[:, 4, 5] = 255
    alpha = np.zeros((7, 9), np.uint8)
    alpha[2, 3] = 1
    result = filled(colours, alpha)
    assert (result == np.array([10, 20, 30])[:, None, None]).all()
    assert (filled(colours, np.zeros_like(alpha)) == colours).all()


def test_colours_are_those_of_the_source(upscale: Upscale, tmp_path: Path) -> None:
    """Flat colours come out as they are, through no matrix in between."""
    pixels = np.zeros((16, 48, 3), np.uint8)
    pixels[:, :16], pixels[:, 16:32], pixels[:, 32:] = (255, 0, 0), (13, 200, 77), (0, 0, 255)
    large = read(upscale(written(tmp_path / "a.png", pixels, "rgb24"), scale=3), "rgb24", 3)
    assert [tuple(large[24, at]) for at in (20, 72, 124)] == [(255, 0, 0), (13, 200, 77), (0, 0, 255)]


def test_alpha_is_not_thrown_away_for_a_jpg(at_desk: Callable[..., FakeWorkbench], tmp_path: Path) -> None:
    """Who asks for a format without it is told."""
    desk = at_desk(PICTURES["alpha and 16 bits"](tmp_path), format="jpg")
    with pytest.raises(JobFailed, match="ask for png") as failed:
        desk.run()
    assert failed.value.code == "BAD_REQUEST"


def test_less_bits_are_said(upscale: Upscale, tmp_path: Path) -> None:
    """A webp holds 8 bits."""
    done = upscale(PICTURES["alpha and 16 bits"](tmp_path), format="webp")
    assert "16 bits became 8" in done.result.summary["changed"][0]


def test_noise_that_is_not_removed_is_said(upscale: Upscale, tmp_path: Path) -> None:
    """Of films only: who asked for it with a picture must know."""
    done = upscale(PICTURES["alpha and 16 bits"](tmp_path), denoise=0.5)
    assert "videos only" in done.result.summary["changed"][0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_its_camera_was_held(upscale: Upscale, tmp_path: Path, orientation: int) -> None:
    """All eight orientations of EXIF, mirrored ones among them, come out as a viewer shows them."""
    upright = np.zeros((48, 64, 3), np.uint8)
    upright[:24, :32], upright[:24, 32:], upright[24:, :32] = (200, 40, 40), (40, 200, 40), (40, 40, 200)
    done = upscale(photo(tmp_path / "a.jpg", upright, orientation), format="png")
    assert done.media.picture is not None
    assert done.media.picture.size == (128, 96)
    large = read(done, "rgb24", 3).astype(int)
    for y, x in ((20, 20), (20, 100), (80, 20), (80, 100)):
        assert np.abs(large[y, x] - upright[y // 2, x // 2]).max() < 30, (orientation, y, x)


def photo(path: Path, upright: np.ndarray, orientation: int) -> Path:
    """Write a JPEG that a camera would have stored so, with its EXIF mark."""
    import cv2

    across = upright.transpose(1, 0, 2)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: across, 6: np.rot90(upright, 1), 7: across[::-1, ::-1], 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    done, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(stored[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 98])
    assert done
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + bytes([0, orientation]) + b"\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    data = bytes(jpeg)
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    return path
