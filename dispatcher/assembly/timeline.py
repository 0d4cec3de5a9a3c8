"""Where every step lies in the film: the one place that adds up seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from media.probe import Footage

FPS = 30
ENDING_FRAMES = FPS // 2
"""Where no outro follows, the last picture of the steps stays this long and fades to black, in silence."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """A spoken word and when it sounds, in seconds from the start of its clip."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Focus:
    """Where something is done, and when: seconds from the start of its step, edges as parts of the page's sides."""

    start_s: float
    end_s: float
    left: float
    top: float
    right: float
    bottom: float
    factor: float | None = None  # how much larger it is shown, where that was said
    move_s: float | None = None  # how long the camera takes to get there and back, where that was said

    def later(self, seconds: float) -> Focus:
        """Return the same place that much later."""
        return replace(self, start_s=self.start_s + seconds, end_s=self.end_s + seconds)

    def until(self, seconds: float) -> Focus:
        """Return the same place, left by then."""
        return replace(self, end_s=min(self.end_s, seconds))

    def joined(self, other: Focus) -> Focus:
        """Return the place and the time that hold both."""
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
    """One step of the film: a take, and the narration that starts with it."""

    step_id: str
    title: str
    take: Path
    frames: int  # how long the step is on screen, in frames of the film
    narration: Path | None = None
    words: tuple[Word, ...] = ()
    focus: tuple[Focus, ...] = ()
    opens_on: str | None = None  # the address of the page that it begins with; None tells no page from another
    ends_on: str | None = None

    @property
    def seconds(self) -> float:
        """Return how long the step is on screen."""
        return self.frames / FPS


@dataclass(frozen=True, kw_only=True)
class Insert:
    """A film from elsewhere, shown whole before the first step or after the last."""

    title: str
    footage: Footage

    @property
    def frames(self) -> int:
        """Return how long it is on screen: to the nearest frame of our film."""
        return max(1, round(self.footage.seconds * FPS))

    @property
    def seconds(self) -> float:
        """Return how long it is on screen."""
        return self.frames / FPS


@dataclass(frozen=True)
class Timeline:
    """The steps in their order. Everything lasts whole frames, so sound and picture cannot drift apart."""

    clips: tuple[Clip, ...]
    intro: Insert | None = None
    outro: Insert | None = None

    @property
    def starts(self) -> tuple[float, ...]:
        """Return when each step starts, in seconds of the film."""
        first = self.intro.frames if self.intro else 0
        frames = accumulate((clip.frames for clip in self.clips), initial=first)
        return tuple(frame / FPS for frame in frames)[:-1]

    @property
    def parts(self) -> tuple[Clip | Insert, ...]:
        """Return all that is shown, in its order."""
        return (*filter(None, [self.intro]), *self.clips, *filter(None, [self.outro]))

    @property
    def ending_frames(self) -> int:
        """Return how many frames the last picture of the steps takes to fade to black."""
        return ENDING_FRAMES if self.clips and self.outro is None else 0

    @property
    def step_frames(self) -> int:
        """Return how many frames the steps last, with their ending."""
        return sum(clip.frames for clip in self.clips) + self.ending_frames

    @property
    def frames(self) -> int:
        """Return how many frames the film has."""
        return sum(part.frames for part in self.parts) + self.ending_frames

    @property
    def seconds(self) -> float:
        """Return how long the film is."""
        return self.frames / FPS


def whole_frames(seconds: float) -> int:
    """Return the least number of frames that last at least this long."""
    return max(1, -int(-(seconds * FPS - 1e-6) // 1))
