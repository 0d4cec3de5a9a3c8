"""The second pass: the steady film, with everything beside its picture carried over, and looked at when it is done.

A long film's picture is encoded piece by piece. vid.stab smooths the camera's path over the whole film, before the
first picture comes, and moves each picture from the one before, so another attempt does that again for all pictures;
but it encodes only those of which it has no piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from colab.handlers.pieces import frames, join, pace
from colab.handlers.pieces.film import PiecedFilm
from colab.handlers.pieces.frames import SHOWING, Frames
from colab.handlers.pieces.passing import Passing
from colab.handlers.stabilize import kept as parts
from colab.handlers.stabilize import smoothing
from colab.handlers.stabilize.detect import even_size
from colab.handlers.stabilize.motions import Motion, write_fitted
from colab.handlers.stabilize.smoothing import Smoothing
from colab.handlers.work import Work
from media import carry_over, encoding, muxing
from media.ffmpeg import MAX_RUN_S, Ffmpeg, file_url, input_arguments
from media.info import MediaFile, VideoTrack
from media.muxing import EncodedVideo, MuxedVideo
from protocol.kinds.stabilize import Params, film_path

MOTION = "motion.trf"
GIVEN_UP = "the camera's path: vid.stab gave up the best one; it is the mean of the pictures around, as with path gauss"
PICTURES = 0.95
"""What of the second pass the pieces take; the rest is putting them together."""


@dataclass(frozen=True, kw_only=True)
class Steadying:
    """The second pass of one film."""

    work: Work
    ffmpeg: Ffmpeg
    media: MediaFile
    picture: VideoTrack
    params: Params
    motion: Sequence[Motion]
    on_smoothing: Callable[[float, int], None]  # the part of the camera's path that is smooth, and the step
    on_progress: Callable[[float, int], None]  # the part that is done, and pictures kept from earlier attempts

    def write(self, kept: frozenset[str]) -> MuxedVideo:
        """Write the film steadied by its motion. MediaError where it is not what it should be."""
        write_fitted(self.work.folder / MOTION, self.motion)
        path = Smoothing(tell=self.on_smoothing, give_up=lambda: parts.leave_gaussian(self.work))
        each = pace.frames_each(self.encoder, self.params.preset, even_size(self.picture))
        if each is None or len(self.motion) <= each or (shown := self._look()).carry:
            film = self._in_one_go(kept, path)
        else:
            film = self._in_pieces(shown, each, kept, path)
        given_up = [GIVEN_UP] if path.given_up or parts.GAUSSIAN in kept else []
        return MuxedVideo(media=film.media, changed=(*_changed(self.picture), *given_up, *film.changed))

    def _in_one_go(self, kept: frozenset[str], path: Smoothing) -> MuxedVideo:
        """Write the film by one command."""
        sounds = carry_over.audio(self.media, self.params.format)
        texts = carry_over.subtitles(self.ffmpeg, self.media, self.params.format)
        command = [
            *self._steadied(kept),
            *carry_over.frame_times(self.ffmpeg),
            *self._coder(),
            *carry_over.colour_tags(self.picture.pixels),
            *sounds.arguments,
            *texts.arguments,
            *("-map_metadata", "0", "-map_chapters", "0", *carry_over.EXACT),
            *encoding.container_arguments(self.params.format, self.encoder),
            file_url(self._out),
        ]
        self.ffmpeg.run(
            command,
            duration_s=self.picture.seconds,
            on_progress=lambda done: self.on_progress(done, 0),
            listen=path.hear_and_tell,
            folder=self.work.folder,
            timeout_s=MAX_RUN_S,
        )
        made = muxing.check_video(
            self.ffmpeg,
            self._out,
            seconds=self.picture.seconds,
            frames=len(self.motion),
            sounds=len(self.media.sounds),
            subtitles=texts.arguments.count("-map"),
            on_progress=lambda _: self.on_progress(1.0, 0),
        )
        return MuxedVideo(media=made, changed=(*sounds.changed, *texts.changed))

    def _in_pieces(self, shown: Frames, each: int, kept: frozenset[str], path: Smoothing) -> MuxedVideo:
        """Write the film from pieces, those of earlier attempts too."""
        furthest = 0.0

        def tell(done: int, skipped: int) -> None:
            nonlocal furthest  # a kept piece that is no good goes back
            if not done:
                return  # the path is smoothed first
            furthest = max(furthest, min(PICTURES, PICTURES * done / len(self.motion)))
            self.on_progress(furthest, skipped)

        recipe = Passing(
            filtered=self._steadied(kept, SHOWING),
            coder=self._coder(),
            shown=shown,
            pixels=self.picture.pixels,
            rate=self.picture.fps,
        )
        film = PiecedFilm(
            work=self.work,
            recipe=recipe,
            ffmpeg=self.ffmpeg,
            each=each,
            tell=tell,
            listen=path.hear,
            waiting=path.tick,
        )
        film.make(kept)
        times, steady = film.when()
        silent = self.work.folder / "silent.mp4"
        join.join(film.paths(), times, silent)
        picture = EncodedVideo(
            path=silent,
            encoder=self.encoder,
            frames=len(self.motion),
            seconds=times.seconds(),
            starts_s=times.start_s(),
            ratio=shown.ratio,
        )

        def joining(done: float) -> None:
            self.on_progress(PICTURES + (1 - PICTURES) * done, film.skipped)

        whole = muxing.mux(self.ffmpeg, picture, self.media, self.params.format, self._out, on_progress=joining)
        silent.unlink()
        return whole if steady else MuxedVideo(media=whole.media, changed=(*whole.changed, join.UNREADABLE))

    @property
    def _out(self) -> Path:
        return self.work.output(film_path(self.params))

    def _look(self) -> Frames:
        """Return what the steady frames are like: as those that are steadied, which need no path to be smooth."""
        return frames.look(self.ffmpeg, self._led(SHOWING), folder=self.work.folder)

    def _steadied(self, kept: frozenset[str], *last: str) -> list[str]:
        """Return ffmpeg's arguments that lead the picture through vid.stab, and these filters after it."""
        params = self.params
        steady = (
            f"vidstabtransform=input={MOTION}:smoothing={params.smoothing}:zoom={params.zoom:.6f}"
            f":optzoom={params.optzoom}:crop={params.crop}:interpol={params.interpol}:tripod={int(params.tripod)}"
        )
        if params.path == "gauss" or not self._has_room or parts.GAUSSIAN in kept:
            steady += ":optalgo=gauss"
        elif smoothing.tells(self.ffmpeg, self.work.folder):
            steady += ":debug=1"
        return self._led(steady, *last)

    @property
    def _has_room(self) -> bool:
        """Say whether there is a zoom, without which no path is looked for: vid.stab says so in half a line.

        What ffmpeg says next would be on the same line, and not be understood.
        """
        return bool(self.params.optzoom) or self.params.zoom > 0

    def _led(self, *filters: str) -> list[str]:
        """Return ffmpeg's arguments that lead the picture, as vid.stab takes it, through filters."""
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


def _changed(picture: VideoTrack) -> list[str]:
    """Return what of the picture is not as it was."""
    changed = []
    pixels = picture.pixels
    if pixels.bits > 8:
        changed.append(f"picture: {pixels.bits} bits to 8, which is what vid.stab works on")
    if pixels.alpha:
        changed.append("picture: without its transparency, which vid.stab does not keep")
    if set(even_size(picture)) != set(picture.size):
        width, height = even_size(picture)
        changed.append(f"picture: cut to {width}x{height}, an even size, which the codec needs")
    if picture.rotation or picture.mirrored:
        changed.append("picture: turned for good, as it was shown")
    return changed
