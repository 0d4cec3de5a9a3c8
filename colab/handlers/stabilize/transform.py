"""The second pass: the steady video, with everything beside its frames kept, and checked when it is done.

A long video is encoded segment by segment. vid.stab smooths the camera's path over the whole video before the first
frame comes, and moves each frame from the one before. So another attempt does that again for all frames, but encodes
only those of which it has no segment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from colab.handlers.stabilize import checkpoints
from colab.handlers.stabilize.detect import even_size
from colab.handlers.stabilize.motions import Motion, write_fitted
from colab.handlers.stabilize.smoothing import Smoothing
from colab.video import frames
from colab.video.frames import SHOWING, Frames, Reencoding
from colab.video.job import UNITS, VideoJob
from colab.video.segments import SegmentLength
from media import carry_over, encoding, muxing
from media.ffmpeg import Ffmpeg, file_url, input_arguments
from media.info import MediaFile, VideoTrack
from protocol.kinds.stabilize import Params, film_path

MOTION = "motion.trf"
SMOOTHING, WRITING = (300, 380), (380, UNITS - 1)
"""The units in which the camera's path is smoothed, and in which the video is written."""

ENCODED = (380, 968)
"""Of these, those in which segments are encoded; then they are put together."""

GIVEN_UP = "the camera's path: vid.stab gave up the best one; it is the mean of the frames around, as with path gauss"
_NOTE = "writing the steady video"


@dataclass(frozen=True, kw_only=True)
class SecondPass:
    """The second pass of one video."""

    job: VideoJob
    media: MediaFile
    picture: VideoTrack
    params: Params
    motion: Sequence[Motion]
    segments: SegmentLength
    prints_steps: Callable[[Ffmpeg, Path], bool]

    def write(self) -> MediaFile:
        """Write the video steadied by its motion. MediaError if it is not what it should be."""
        work = self.job.work
        self._report_smoothing(0.0, 0)
        write_fitted(work.folder / MOTION, self.motion)
        path = Smoothing(report=self._report_smoothing, give_up=lambda: checkpoints.save_gaussian(work))
        self.job.notes += _changes(self.picture)
        notes_before = len(self.job.notes)
        length = self.segments.of_encoder(self.encoder, self.params.preset, even_size(self.picture))
        if length is None or len(self.motion) <= length or (shown := self._look()).carry:
            made = self._by_one_command(path)
        else:
            made = self._in_segments(shown, length, path)
        if path.given_up or checkpoints.GAUSSIAN in self.job.earlier:
            self.job.notes.insert(notes_before, GIVEN_UP)
        return made

    def _report_smoothing(self, done: float, step: int) -> None:
        self.job.report(done, SMOOTHING, "smoothing the camera's path" + (f", step {step}" if step else ""))

    def _by_one_command(self, path: Smoothing) -> MediaFile:
        sounds = carry_over.audio(self.media, self.params.format)
        texts = carry_over.subtitles(self.job.ffmpeg, self.media, self.params.format)
        command = [
            *self._steadied(),
            *carry_over.frame_times(self.job.ffmpeg),
            *self._coder(),
            *carry_over.colour_tags(self.picture.pixels),
            *sounds.arguments,
            *texts.arguments,
            *("-map_metadata", "0", "-map_chapters", "0", *carry_over.EXACT),
            *encoding.container_arguments(self.params.format, self.encoder),
            file_url(self._out),
        ]
        more = {"listen": path.hear_and_report, "folder": self.job.work.folder}
        self.job.run(command, self.picture.seconds, WRITING, _NOTE, **more)
        self.job.notes += [*sounds.changed, *texts.changed]
        return muxing.check_video(
            self.job.ffmpeg,
            self._out,
            seconds=self.picture.seconds,
            frames=len(self.motion),
            sounds=len(self.media.sounds),
            subtitles=texts.arguments.count("-map"),
            on_progress=lambda _: self.job.report(1.0, WRITING, _NOTE),
        )

    def _in_segments(self, shown: Frames, length: int, path: Smoothing) -> MediaFile:
        recipe = Reencoding(
            filtered=self._steadied(SHOWING),
            coder=self._coder(),
            shown=shown,
            pixels=self.picture.pixels,
            rate=self.picture.fps,
        )
        report_frames = self.job.report_frames(len(self.motion), ENCODED, _NOTE)

        def report(done: int, resumed: int) -> None:
            if done:  # before that the path is smoothed
                report_frames(done, resumed)

        with self.job.segments(recipe, length, report, listen=path.hear, waiting=path.tick) as video:
            track = video.track(self.encoder, ratio=shown.ratio)
            rest = (ENCODED[1], WRITING[1])
            return self.job.put_together(track, self.media, self.params.format, film_path(self.params), rest)

    @property
    def _out(self) -> Path:
        return self.job.work.output(film_path(self.params))

    def _look(self) -> Frames:
        """Return what the steady frames are like: as those that are steadied, which need no smooth path."""
        return frames.look(self.job.ffmpeg, self._filtered(SHOWING), folder=self.job.work.folder)

    def _steadied(self, *last: str) -> list[str]:
        """Return ffmpeg's arguments that lead the frames through vid.stab, and these filters after it."""
        params = self.params
        steady = (
            f"vidstabtransform=input={MOTION}:smoothing={params.smoothing}:zoom={params.zoom:.6f}"
            f":optzoom={params.optzoom}:crop={params.crop}:interpol={params.interpol}:tripod={int(params.tripod)}"
        )
        if params.path == "gauss" or not self._has_room or checkpoints.GAUSSIAN in self.job.earlier:
            steady += ":optalgo=gauss"
        elif self.prints_steps(self.job.ffmpeg, self.job.work.folder):
            steady += ":debug=1"
        return self._filtered(steady, *last)

    @property
    def _has_room(self) -> bool:
        """Say whether there is a zoom. Without one vid.stab looks for no path, and says so in half a line.

        What ffmpeg prints next would be on the same line, and not be understood.
        """
        return bool(self.params.optzoom) or self.params.zoom > 0

    def _filtered(self, *filters: str) -> list[str]:
        """Return ffmpeg's arguments that lead the frames, as vid.stab takes them, through filters."""
        width, height = even_size(self.picture)
        chain = ["format=yuv420p", f"crop={width}:{height}:0:0:exact=1", *filters]
        opened = input_arguments(self.media.path, self.media.container)
        return [*opened, "-map", f"0:{self.picture.stream}", "-vf", ",".join(chain)]

    def _coder(self) -> list[str]:
        quality = encoding.DEFAULT_CRF[self.encoder] if self.params.quality is None else self.params.quality
        return encoding.reproducible_arguments(self.encoder, self.params.preset, quality)

    @property
    def encoder(self) -> str:
        """Return ffmpeg's name of the encoder."""
        return encoding.VIDEO_CODECS[self.params.written_codec]


def _changes(picture: VideoTrack) -> list[str]:
    """Return what is not as it was in the source's frames."""
    changes = []
    pixels = picture.pixels
    if pixels.bits > 8:
        changes.append(f"picture: {pixels.bits} bits to 8, which is what vid.stab works on")
    if pixels.alpha:
        changes.append("picture: its transparency is not kept by vid.stab")
    if set(even_size(picture)) != set(picture.size):
        width, height = even_size(picture)
        changes.append(f"picture: cut to {width}x{height}, an even size, which the codec needs")
    if picture.rotation or picture.mirrored:
        changes.append("picture: rotated for good, as it was shown")
    return changes
