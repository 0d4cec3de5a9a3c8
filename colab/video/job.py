"""The frame of a job on a video: inspect it, encode it segment by segment, join those, check the result, report.

A kind adds its recipe: which filters and encoder, and what stands beside the frames. Progress never falls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colab.video import join
from colab.video.join import FrameTimes
from colab.video.segmented import SegmentedVideo, SegmentRecipe
from colab.work import Work
from media import confined, muxing
from media.ffmpeg import MAX_RUN_S, Ffmpeg
from media.info import MediaFile
from media.muxing import EncodedVideo
from protocol.errors import JobFailed, MediaError
from protocol.messages import EngineRecord

UNITS = 1000
CONSTANT_RATE = "picture: at a constant rate, because the times of the source could not be read"

Span = tuple[int, int]
"""The units of a stage: where it begins and ends."""


def ffmpeg_record(name: str, program: Ffmpeg, *, device: str = "cpu") -> EngineRecord:
    """Return how results and cards name an engine that is part of ffmpeg."""
    version = program.version.removeprefix("ffmpeg version ")
    return EngineRecord(name=name, version=f"ffmpeg {version}"[:100], provider="ffmpeg", device=device, tier="embedded")


def inspected(path: Path) -> MediaFile:
    """Return what a source is. Raises `JobFailed` INPUT_CORRUPT."""
    try:
        return confined.examine(path)
    except MediaError as error:
        raise JobFailed(str(error), code="INPUT_CORRUPT") from error


@dataclass(frozen=True, kw_only=True)
class JoinedVideo:
    """The segments of a video, joined to an MP4 without sound that begins at 0."""

    path: Path
    times: FrameTimes
    resumed: int  # frames that earlier attempts encoded

    @property
    def frames(self) -> int:
        """Return how many frames it has."""
        return len(self.times.at)

    def track(self, encoder: str, *, rotation: int = 0, ratio: str | None = None) -> EncodedVideo:
        """Return it as what `media.muxing` puts the rest of the source beside."""
        return EncodedVideo(
            path=self.path,
            encoder=encoder,
            frames=self.frames,
            seconds=self.times.seconds(),
            starts_s=self.times.start_s(),
            rotation=rotation,
            ratio=ratio,
        )


@dataclass(kw_only=True)
class VideoJob:
    """One video in work."""

    work: Work
    ffmpeg: Ffmpeg
    earlier: frozenset[str]  # the checkpoints of earlier attempts
    total: int = UNITS
    notes: list[str] = field(default_factory=list)  # for people: what is not as it was in the source
    furthest: int = 0

    def report(self, share: float, span: Span, note: str) -> None:
        """Report progress within a stage. Less than before is not reported: a checkpoint may turn out to be bad."""
        start, end = span
        self.furthest = max(self.furthest, start + int(min(1.0, share) * (end - start)))
        self.work.progress(self.furthest, self.total, note)

    def run(self, arguments: Sequence[str | Path], seconds: float, span: Span, note: str, **more: Any) -> None:
        """Run one ffmpeg command on the whole video, and report how far it is."""
        self.ffmpeg.run(
            arguments,
            duration_s=seconds,
            on_progress=lambda done: self.report(done, span, note),
            timeout_s=MAX_RUN_S,
            **more,
        )

    @contextmanager
    def segments(
        self,
        recipe: SegmentRecipe,
        length: int,
        report: Callable[[int, int], None],
        *,
        listen: Callable[[str], None] | None = None,
        waiting: Callable[[], None] | None = None,
    ) -> Iterator[JoinedVideo]:
        """Encode the segments that no earlier attempt has encoded, join all of them, and lend the result.

        `report` gets the frames done, and of them those that were resumed; `SegmentedVideo` describes the others.
        """
        video = SegmentedVideo(
            work=self.work,
            recipe=recipe,
            ffmpeg=self.ffmpeg,
            length=length,
            report=report,
            listen=listen,
            waiting=waiting,
        )
        video.encode(self.earlier)
        times, are_known = video.frame_times()
        if not are_known:
            self.notes.append(CONSTANT_RATE)
        path = self.work.folder / "silent.mp4"
        join.join(video.paths(), times, path)
        yield JoinedVideo(path=path, times=times, resumed=video.resumed)
        path.unlink()

    def report_frames(self, expected: float, span: Span, note: str) -> Callable[[int, int], None]:
        """Return a `report` for `segments` that says how many of the expected frames are done."""

        def report(done: int, resumed: int) -> None:
            self.report(done / max(1.0, expected), span, note + resumed_text(resumed))

        return report

    def put_together(
        self, track: EncodedVideo, rest: MediaFile, container: str, path: str, span: Span, *, decode: bool = True
    ) -> MediaFile:
        """Write the result: the encoded track, and all else that the source has; what is lost is noted.

        Raises MediaError where the result is not what it should be.
        """
        whole = muxing.mux(
            self.ffmpeg,
            track,
            rest,
            container,
            self.work.output(path),
            on_progress=lambda done: self.report(done, span, "putting it together"),
            decode=decode,
        )
        self.notes += whole.changed
        return whole.media

    def finish(self, path: str, note: str) -> None:
        """Publish the result."""
        self.work.publish(path)
        self.report(1.0, (0, self.total), note)


def resumed_text(frames: int) -> str:
    """Return the end of a note that says how much was resumed."""
    return f", {frames} frames resumed from an earlier attempt" if frames else ""
