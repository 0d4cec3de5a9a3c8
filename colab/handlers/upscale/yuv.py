"""Films' colours to red, green and blue and back, on the device that the network runs on. For engines with torch.

Chroma lies as H.264 and HEVC have it unless they say otherwise: beside the left one of two pixels, between two lines.
"""

from __future__ import annotations

from typing import Any

from colab.handlers.upscale.engine import Shape, Size

KR_KB = {
    "bt709": (0.2126, 0.0722),
    "smpte170m": (0.299, 0.114),
    "bt470bg": (0.299, 0.114),
    "fcc": (0.30, 0.11),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
}
"""What red and blue add to the lightness (ITU-T H.273, table 4)."""


def to_rgb(frames: Any, shape: Shape) -> Any:
    """Return (frames, 3, height, width) from 0 to 1, of frames as yuv420p: (frames, samples), 8 or 10 bits."""
    width, height = shape.size
    small = ((width + 1) // 2, (height + 1) // 2)
    lightness, blue, red = _planes(frames.float(), shape.size, small)
    floor, reach, middle, chroma = _range(shape)
    y = (lightness - floor) / reach
    cb, cr = (_larger((plane - middle) / chroma, shape.size) for plane in (blue, red))
    kr, kb = KR_KB[shape.space]
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    g = (y - kr * r - kb * b) / (1 - kr - kb)
    return _stacked(r, g, b).clamp_(0, 1)


def from_rgb(pictures: Any, shape: Shape) -> Any:
    """Return frames as yuv420p, (frames, samples) of 8 bits or of 16 that hold 10, of (frames, 3, height, width)."""
    import torch

    r, g, b = pictures.float().clamp(0, 1).unbind(1)
    kr, kb = KR_KB[shape.space]
    y = kr * r + (1 - kr - kb) * g + kb * b
    floor, reach, middle, chroma = _range(shape)
    cb, cr = _smaller((b - y) / (2 * (1 - kb))), _smaller((r - y) / (2 * (1 - kr)))
    planes = (y * reach + floor, cb * chroma + middle, cr * chroma + middle)
    samples = torch.cat([plane.flatten(1) for plane in planes], 1)
    most = (1 << shape.bits) - 1
    return samples.round_().clamp_(0, most).to(torch.uint8 if shape.bits == 8 else torch.int16)


def _range(shape: Shape) -> tuple[float, float, float, float]:
    """Return black, white above it, grey of chroma, and chroma's whole reach."""
    most, step = (1 << shape.bits) - 1, 1 << (shape.bits - 8)
    if shape.full_range:
        return 0, most, 128 * step, most
    return 16 * step, 219 * step, 128 * step, 224 * step


def _planes(frames: Any, size: Size, small: Size) -> tuple[Any, Any, Any]:
    count, (width, height) = frames.shape[0], size
    first, each = width * height, small[0] * small[1]
    y = frames[:, :first].view(count, height, width)
    u = frames[:, first : first + each].view(count, small[1], small[0])
    v = frames[:, first + each :].view(count, small[1], small[0])
    return y, u, v


def _stacked(*planes: Any) -> Any:
    import torch

    return torch.stack(planes, 1)


def _larger(plane: Any, size: Size) -> Any:
    """Return chroma at the size of the lightness, between its samples in straight lines."""
    import torch

    right = torch.cat([plane[..., 1:], plane[..., -1:]], -1)
    wide = torch.stack([plane, (plane + right) / 2], -1).flatten(-2)[..., : size[0]]
    above = torch.cat([wide[:, :1], wide[:, :-1]], 1)
    below = torch.cat([wide[:, 1:], wide[:, -1:]], 1)
    return torch.stack([0.75 * wide + 0.25 * above, 0.75 * wide + 0.25 * below], 2).flatten(1, 2)[:, : size[1]]


def _smaller(plane: Any) -> Any:
    """Return chroma at half the size: 1-2-1 across, the mean of two lines down."""
    import torch

    odd_wide, odd_high = plane.shape[-1] % 2, plane.shape[-2] % 2
    even = torch.nn.functional.pad(plane[:, None], (1, 1 + odd_wide, 0, odd_high), mode="replicate")[:, 0]
    across = (even[..., 0:-2:2] + 2 * even[..., 1:-1:2] + even[..., 2::2]) / 4
    return (across[:, 0::2] + across[:, 1::2]) / 2
