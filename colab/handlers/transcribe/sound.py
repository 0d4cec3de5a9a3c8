"""The sound of a job's file: found, checked, and opened as a stream of samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from media import confined
from media.examine import MAX_SECONDS, MISSING_S
from media.ffmpeg import find
from media.info import AudioTrack, MediaFile
from media.pcm import SampleStream
from protocol.errors import JobFailed, MediaError

TRUE_LENGTHS = frozenset({"flac", "mov", "aiff", "w64"})
"""Formats whose head tells how long the sound is, not how long it may be."""

SLACK_S = 1.0
_NEEDS: frozenset[str] = frozenset({"aresample", "aformat"})


@dataclass(frozen=True, kw_only=True)
class Sound:
    """One track of a file."""

    media: MediaFile
    track: AudioTrack

    @property
    def told_s(self) -> float:
        """How long it may be, by what is told of it."""
        return max(self.media.seconds or 0.0, self.track.seconds or 0.0)

    def open(self) -> SampleStream:
        """Return its samples; more than is told is read only where nothing is told."""
        longest = self.told_s + SLACK_S if self.track.seconds or self.media.what == "sound" else MAX_SECONDS
        ffmpeg = find(needs=_NEEDS, encoders=frozenset())
        return SampleStream(
            ffmpeg, self.media.path, self.media.container, self.track.stream, longest_s=min(longest, MAX_SECONDS)
        )

    def check_whole(self, heard_s: float) -> None:
        """Raise `JobFailed` INPUT_CORRUPT where less was heard than there must be."""
        said = self.track.seconds
        if not heard_s:
            raise JobFailed("the sound of the file cannot be decoded; copy it again", code="INPUT_CORRUPT")
        if said is not None and self.media.container in TRUE_LENGTHS and heard_s < said - MISSING_S:
            raise JobFailed(
                f"the file is cut: {heard_s:.2f} of {said:.2f} s can be heard; copy it again", code="INPUT_CORRUPT"
            )


def found(path: Path, number: int) -> Sound:
    """Return a track of the file by its number, from 1. Raises `JobFailed` INPUT_CORRUPT or BAD_REQUEST."""
    try:
        media = confined.examine(path)
    except MediaError as problem:
        raise JobFailed(_told(problem, path), code="INPUT_CORRUPT") from problem
    if media.what == "picture":
        raise JobFailed("the file is an image, which has no speech. Give a video or a sound", code="INPUT_CORRUPT")
    if not media.sounds:
        raise JobFailed(
            "the video has no sound that can be decoded, so there is nothing to transcribe. Give one with a sound "
            "track, or the sound alone",
            code="BAD_REQUEST",
        )
    if number > len(media.sounds):
        there = ", ".join(f"{place} ({track.language or 'und'})" for place, track in enumerate(media.sounds, 1))
        raise JobFailed(f"the file has no sound track {number}; it has: {there}", code="BAD_REQUEST")
    if media.container == "wav" and (missing := missing_bytes(path)):
        raise JobFailed(f"the file is cut: {missing} bytes are missing at its end; copy it again", code="INPUT_CORRUPT")
    return Sound(media=media, track=media.sounds[number - 1])


def missing_bytes(path: Path) -> int:
    """Return how many bytes a WAV file lacks by its own head; one that was streamed does not tell."""
    with path.open("rb") as file:
        head = file.read(8)
    told = int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" or told in (0, 0xFFFFFFFF):
        return 0
    return max(0, told + 8 - path.stat().st_size)


def _told(problem: MediaError, path: Path) -> str:
    """Return what is wrong with the file; where it lies on the worker is nobody's business."""
    return str(problem).replace(str(path.absolute()), "the file").replace(str(path), "the file")
