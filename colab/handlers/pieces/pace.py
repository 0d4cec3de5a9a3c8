"""How many frames make a piece of a film that an encoder of the processor writes: about `PIECE_S` of its work."""

from __future__ import annotations

from colab.handlers.pieces import segments
from media.encoding import PRESETS

PIECE_S = 40
PIXELS_A_SECOND = {"libx264": 45_000_000, "libx265": 10_000_000, "libsvtav1": 35_000_000, "libvpx-vp9": 8_000_000}
"""What two modest cores encode at the preset medium. Encoders that are not named are too fast for pieces."""

TIMES_AS_FAST = dict(zip(PRESETS, (5.0, 3.5, 2.4, 1.8, 1.3, 1.0, 0.55, 0.27, 0.14), strict=True))
FEWEST, MOST = 250, 50_000
"""Frames of a piece: encoders set a key frame after 250 at the latest, so a piece costs no more of them."""


def frames_each(encoder: str, preset: str, size: tuple[int, int]) -> int | None:
    """Return how many frames of a size make a piece, by ffmpeg's name of the encoder; None for one without pieces."""
    speed = PIXELS_A_SECOND.get(encoder)
    if speed is None:
        return None
    return segments.frames_each(size, int(speed * TIMES_AS_FAST[preset] * PIECE_S), fewest=FEWEST, most=MOST)
