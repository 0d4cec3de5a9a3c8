"""Encoding: the glue between videos and an encoder. The result is checked before it is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from colab.engines.registry import Choice
from colab.handlers.encode import command, engines, loudness
from colab.handlers.encode.command import Commands
from colab.handlers.encode.engines import Encoder, EncoderTable
from colab.handlers.encode.graph import Graph, graph, picture_of
from colab.job_errors import closed_codes
from colab.models import Models
from colab.video import frames
from colab.video.frames import SHOWING, Reencoding
from colab.video.job import UNITS, VideoJob, inspected
from colab.video.segments import SEGMENTS, SegmentLength
from colab.work import Work, WorkResult
from media import carry_over, muxing
from media.info import MediaFile
from protocol.errors import JobFailed
from protocol.kinds.encode import Params, film_path
from protocol.kinds.kind import SOURCE
from protocol.messages import Choices, EngineRecord

MEASURED, ENCODED = 150, 950
"""The units at which the loudness is measured, if it is to be set, and at which all segments are encoded."""


@dataclass(frozen=True, kw_only=True)
class EncodeHandler:
    """Encodes videos. The same request gives the same bytes by the same program, except for NVIDIA's encoder."""

    table: EncoderTable = engines.ENGINES
    segments: SegmentLength = SEGMENTS
    kind: str = "encode"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the encoders that work here, best first."""
        return tuple(encoder.record for encoder in self.table.available(models))

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return nothing: its parameters are not names of a list."""
        return {}

    def run(self, work: Work) -> WorkResult:
        """Write and publish the video. Raises `JobFailed` with what is wrong with the job or a video, and a hint."""
        params = cast(Params, work.params)
        work.progress(0, UNITS, "inspecting the video")
        videos = [_inspected(work, name) for name in _names(work, params)]
        is_hdr = any(picture_of(video).pixels.is_hdr for video in videos)
        with closed_codes("the video cannot be encoded", hint="make it smaller"):
            choice = engines.choose(work.models, work.engine, params, is_hdr=is_hdr, engines=self.table)
            encoder = choice.engine
            job = VideoJob(work=work, ffmpeg=encoder.program, earlier=work.begin(encoder.record))
            encoding = _Encoding(job=job, params=params, videos=videos, choice=choice, segments=self.segments)
            return WorkResult(engine=encoder.record, summary=encoding.run())


@dataclass(frozen=True, kw_only=True)
class _Encoding:
    """One encode job: the recipe that fills in the frame of a job on a video."""

    job: VideoJob
    params: Params
    videos: Sequence[MediaFile]
    choice: Choice[Encoder]
    segments: SegmentLength

    @property
    def encoder(self) -> Encoder:
        return self.choice.engine

    def run(self) -> dict[str, Any]:
        bits = self._bits()
        self.job.notes += _shape_notes(self.videos, self.params)
        filters = graph(self.videos, self.params, bits=bits, coder=command.sound_coder(self.params))
        recipe, length = self._recipe(filters, bits)
        commands = Commands(
            encoder=self.encoder,
            params=self.params,
            videos=self.videos,
            filters=filters,
            levels=self._levels(filters, save=recipe is not None),
            sounds=self._copied(),
            texts=self._texts(),
        )
        count = None if recipe is None else self._in_segments(recipe, length, commands)
        if recipe is None:
            self.job.report(0.0, (MEASURED, UNITS - 1), self._note)
            self.job.run(commands.whole(self._out), filters.seconds, (MEASURED, UNITS - 1), self._note)
        made = self._checked(commands, count)
        self.job.finish(film_path(self.params), "the video is encoded")
        return self._summary(made)

    def _recipe(self, filters: Graph, bits: int) -> tuple[Reencoding | None, int]:
        """Return how the segments are encoded, and their length; None for a video that is encoded by one command."""
        length = self._length(filters.seconds)
        chain = filters.picture.removesuffix("[picture]")
        shown = [*filters.opened, "-filter_complex", f"{chain},{SHOWING}[picture]", "-map", "[picture]"]
        if not length or (found := frames.look(self.encoder.program, shown, bits=bits)).carry:
            return None, 0
        coder = command.picture_coder(self.encoder, self.params)
        pixels = picture_of(self.videos[0]).pixels
        return Reencoding(filtered=shown, coder=coder, shown=found, pixels=pixels, rate=self._rate), length

    def _length(self, seconds: float) -> int:
        """Return how many frames make a segment; 0 if one command encodes the video.

        That is a short one, one by a graphics card, and high dynamic range. An encoder is started for each segment: at
        constant quality nothing else carries over from one minute to the next.
        """
        if any(picture_of(video).pixels.is_hdr for video in self.videos):
            return 0
        width, height = picture_of(self.videos[0]).shown
        lines = self.params.lines or height
        size = (max(2, width * lines // height), lines)
        length = self.segments.of_encoder(self.encoder.encoder, self.params.preset, size)
        return length if length is not None and seconds * self._rate > length else 0

    @property
    def _rate(self) -> Fraction:
        return picture_of(self.videos[0]).fps if self.params.rate is None else Fraction(f"{self.params.rate:.6f}")

    def _in_segments(self, recipe: Reencoding, length: int, commands: Commands) -> int:
        """Write the video segment by segment; return how many frames it must have."""
        seconds = commands.filters.seconds
        report = self.job.report_frames(seconds * float(recipe.rate), (MEASURED, ENCODED), self._note)
        with self.job.segments(recipe, length, report) as video:
            together = commands.around(video.path, video.times.start_s(), recipe.shown.ratio, self._out)
            self.job.run(together, seconds, (ENCODED, UNITS - 1), "putting it together")
            return video.frames

    @property
    def _out(self) -> Path:
        return self.job.work.output(film_path(self.params))

    @property
    def _note(self) -> str:
        return f"encoding {self.encoder.codec} with {self.encoder.name}"

    def _bits(self) -> int:
        """Return how many bits are written, and note it if they are fewer than in the source."""
        bits = max(picture_of(video).pixels.bits for video in self.videos)
        if bits > 8 and self.encoder.codec not in engines.FOR_HDR:
            self.job.notes.append(f"picture: {bits} bits to 8; codec hevc or av1 keeps 10")
            return 8
        return min(bits, 10)

    def _levels(self, filters: Graph, *, save: bool) -> list[str]:
        """Return a filter for each sound that brings it to the loudness wanted; `save` what is measured for it."""
        lufs, count, work = self.params.lufs, len(filters.sounds), self.job.work
        if lufs is None or not count:
            return ["anull"] * count
        path = work.output(loudness.CHECKPOINT)
        levels = loudness.read(path, count) if loudness.CHECKPOINT in self.job.earlier else None
        if levels is None:
            levels = [self._level(filters, place, lufs) for place in range(count)]
            if save:
                loudness.write(path, levels)
                work.checkpoint(loudness.CHECKPOINT)
        self.job.notes += [note for place, level in enumerate(levels) if (note := level.note(place, lufs))]
        return [level.filter for level in levels]

    def _level(self, filters: Graph, place: int, lufs: float) -> loudness.Levelled:
        count = len(filters.sounds)
        note = f"measuring sound {place + 1} of {count}"

        def report(_: float) -> None:
            self.job.report(place / count, (0, MEASURED), note)  # in up to four passes

        report(0)
        return loudness.level(self.encoder.program, filters, place, lufs, on_progress=report)

    def _copied(self) -> carry_over.CarriedOver:
        """Return the arguments that copy the sounds, if they are to stay as they are."""
        if self.params.audio_codec != "copy" or self.params.is_mute:
            return carry_over.CarriedOver(arguments=())
        if len(self.videos) > 1:
            raise JobFailed(
                "the sounds of several videos cannot be joined without encoding them; leave audio_codec out",
                code="BAD_REQUEST",
            )
        sounds = carry_over.audio(self.videos[0], self.params.format)
        self.job.notes += sounds.changed
        return sounds

    def _texts(self) -> carry_over.CarriedOver:
        """Return the arguments that keep the subtitles of a single video."""
        if len(self.videos) > 1:
            if any(video.subtitles for video in self.videos):
                self.job.notes.append("subtitles are left out where videos are joined")
            if any(len(video.sounds) > 1 for video in self.videos):
                self.job.notes.append("only the first sound of each video is joined")
            return carry_over.CarriedOver(arguments=())
        texts = carry_over.subtitles(self.encoder.program, self.videos[0], self.params.format)
        self.job.notes += texts.changed
        return texts

    def _checked(self, commands: Commands, count: int | None) -> MediaFile:
        is_whole = self.params.span == (0.0, None)
        return muxing.check_video(
            self.encoder.program,
            self._out,
            seconds=commands.filters.seconds,
            sounds=len(commands.filters.sounds) or commands.sounds.arguments.count("-map"),
            frames=count,
            subtitles=commands.texts.arguments.count("-map") if is_whole else None,
            on_progress=lambda _: self.job.report(0.0, (UNITS - 1, UNITS), "checking the result"),
        )

    def _summary(self, made: MediaFile) -> dict[str, Any]:
        picture = picture_of(made)
        more = {"passed_over": list(self.choice.passed_over), "notes": self.job.notes}
        return {
            "seconds": round(picture.seconds, 3),
            "frames": picture.frames,
            "size": list(picture.size),
            "codec": self.encoder.codec,
            "encoder": self.encoder.name,
            **{key: value for key, value in more.items() if value},
        }


def _shape_notes(videos: Sequence[MediaFile], params: Params) -> list[str]:
    """Return what of the picture's shape is not as it was."""
    notes = []
    picture = picture_of(videos[0])
    if params.lines is None and any(side % 2 for side in picture.size):
        notes.append("picture: the last odd column or line is cut off, because codecs need even sizes")
    if any(picture_of(video).rotation or picture_of(video).mirrored for video in videos):
        notes.append("picture: rotated for good, as it was shown")
    if any(picture_of(video).pixels.alpha for video in videos):
        notes.append("picture: its transparency is not kept")
    return notes


def _names(work: Work, params: Params) -> list[str]:
    """Return the inputs in the order they are joined."""
    if params.inputs:
        if missing := [name for name in params.inputs if name not in work.inputs]:
            raise JobFailed(
                f"the job has no input {missing[0]!r}; its inputs: {', '.join(work.inputs)}", code="BAD_REQUEST"
            )
        return list(params.inputs)
    numbered = [SOURCE, *(f"{SOURCE}-{n}" for n in range(2, len(work.inputs) + 1))]
    if set(numbered) != set(work.inputs):
        raise JobFailed(
            f"the job's inputs are {', '.join(work.inputs) or 'none'}: name them {', '.join(numbered[:3])}, or say "
            "their order with inputs",
            code="BAD_REQUEST",
        )
    return numbered


def _inspected(work: Work, name: str) -> MediaFile:
    """Return what an input is, or say why it cannot be encoded."""
    media = inspected(work.inputs[name])
    if media.what != "film" or media.picture is None:
        raise JobFailed(f"{name}: a {media.what} is not a video; give one", code="INPUT_CORRUPT")
    return media


HANDLER = EncodeHandler()
