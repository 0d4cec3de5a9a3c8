"""The position of every step in the video: the only module that adds up durations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from media.probe import Footage

FPS = 30
ENDING_FRAMES = FPS // 2
"""Without an outro, the last frame of the steps stays this long and fades to black, in silence."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """A spoken word and its times, in seconds from the start of its clip."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Focus:
    """Where and when something happens: seconds from the start of its step, edges as fractions of the page's sides."""

    start_s: float
    end_s: float
    left: float
    top: float
    right: float
    bottom: float
    factor: float | None = None  # the zoom factor, if specified
    move_s: float | None = None  # how long the camera moves there and back, if specified

    def later(self, seconds: float) -> Focus:
        """Return the same place, this many seconds later."""
        return replace(self, start_s=self.start_s + seconds, end_s=self.end_s + seconds)

    def until(self, seconds: float) -> Focus:
        """Return the same place, ending at this time at the latest."""
        return replace(self, end_s=min(self.end_s, seconds))

    def joined(self, other: Focus) -> Focus:
        """Return the smallest place and time span that contain both."""
        return Focus(
            start_s=min(self.start_s, other.start_s),
            end_s=max(self.end_s, other.end_s),
            left=min(self.left, other.left),
            top=min(self.top, other.top),
            right=max(self.right, other.right),
            bottom=max(self.bottom, other.bottom),
        )


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One step of the video: a take, and the narration that starts with it."""

    step_id: str
    title: str
    take: Path
    frames: int  # how long the step is on screen, in frames of the video
    narration: Path | None = None
    words: tuple[Word, ...] = ()
    focus: tuple[Focus, ...] = ()
    opens_on: str | None = None  # the address of its first page; None: unknown
    ends_on: str | None = None

    @property
    def seconds(self) -> float:
        """How long the step is on screen."""
        return self.frames / FPS


@dataclass(frozen=True, kw_only=True)
class Insert:
    """A video that is shown as a whole before the first step or after the last."""

    title: str
    footage: Footage

    @property
    def frames(self) -> int:
        """How long it is on screen, rounded to frames of our video."""
        return max(1, round(self.footage.seconds * FPS))

    @property
    def seconds(self) -> float:
        """How long it is on screen."""
        return self.frames / FPS


@dataclass(frozen=True)
class Timeline:
    """The steps in order. Every duration is a whole number of frames, so audio and video cannot drift apart."""

    clips: tuple[Clip, ...]
    intro: Insert | None = None
    outro: Insert | None = None

    @property
    def starts(self) -> tuple[float, ...]:
        """When each step starts, in seconds of the video."""
        first = self.intro.frames if self.intro else 0
        frames = accumulate((clip.frames for clip in self.clips), initial=first)
        return tuple(frame / FPS for frame in frames)[:-1]

    @property
    def parts(self) -> tuple[Clip | Insert, ...]:
        """Everything that is shown, in order."""
        return (*filter(None, [self.intro]), *self.clips, *filter(None, [self.outro]))

    @property
    def ending_frames(self) -> int:
        """How many frames the fade to black at the end of the steps takes."""
        return ENDING_FRAMES if self.clips and self.outro is None else 0

    @property
    def step_frames(self) -> int:
        """How many frames the steps last, including the fade."""
        return sum(clip.frames for clip in self.clips) + self.ending_frames

    @property
    def frames(self) -> int:
        """How many frames the video has."""
        return sum(part.frames for part in self.parts) + self.ending_frames

    @property
    def seconds(self) -> float:
        """How long the video is."""
        return self.frames / FPS


def whole_frames(seconds: float) -> int:
    """Return the smallest number of frames that lasts at least this long."""
    return max(1, -int(-(seconds * FPS - 1e-6) // 1))
