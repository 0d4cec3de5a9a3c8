"""Encoding: the glue between films and an encoder. What is written is looked at before it is handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from colab.handlers.closed import closed_codes
from colab.handlers.encode import command, engines, loudness, piecewise
from colab.handlers.encode.command import Commands
from colab.handlers.encode.engines import Chosen
from colab.handlers.encode.graph import Graph, graph, picture_of
from colab.handlers.pieces import join
from colab.handlers.pieces.film import PiecedFilm
from colab.handlers.pieces.passing import Passing
from colab.handlers.work import Result, Work
from colab.models import Models
from media import carry_over, confined, muxing
from media.ffmpeg import MAX_RUN_S
from media.info import MediaFile
from protocol.errors import JobFailed, MediaError
from protocol.kinds.encode import Params, film_path
from protocol.kinds.kind import SOURCE
from protocol.messages import Choices, EngineRecord

UNITS = 1000
MEASURED, ENCODED = 150, 950
"""Where of all units the sounds are measured, where their loudness is to be set, and the picture's pieces are made."""


class EncodeHandler:
    """Writes films anew. The same request gives the same bytes by the same program, but for NVIDIA's encoder."""

    kind = "encode"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the encoders that work here, best first."""
        return tuple(engines.available())

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return nothing: its parameters are not names of a list."""
        return {}

    def run(self, work: Work) -> Result:
        """Write and publish the film. Raises `JobFailed` with what is wrong with the job or a film, and the hint."""
        params = cast(Params, work.params)
        work.progress(0, UNITS, "looking at the film")
        films = [_examined(work, name) for name in _names(work, params)]
        high_range = any(picture_of(film).pixels.is_hdr for film in films)
        with closed_codes("the film cannot be encoded", hint="make it smaller"):
            chosen = engines.choose(work.engine, params, high_range=high_range)
            kept = work.kept(chosen.record)
            return _Job(work=work, params=params, films=films, chosen=chosen, kept=kept).run()


@dataclass(kw_only=True)
class _Job:
    """One film being written."""

    work: Work
    params: Params
    films: Sequence[MediaFile]
    chosen: Chosen
    kept: frozenset[str]  # what earlier attempts left
    each: int = 0  # pictures of a piece
    notes: list[str] = field(default_factory=list)
    _furthest: float = 0.0

    def run(self) -> Result:
        bits = self._bits()
        self.notes += _shape_notes(self.films, self.params)
        filters = graph(self.films, self.params, bits=bits, coder=command.sound_coder(self.params))
        recipe = self._recipe(filters, bits)
        commands = Commands(
            chosen=self.chosen,
            params=self.params,
            films=self.films,
            filters=filters,
            levels=self._levels(filters, keep=recipe is not None),
            sounds=self._copied(),
            texts=self._texts(),
        )
        frames = self._in_one_go(commands) if recipe is None else self._in_pieces(recipe, commands)
        made = self._checked(commands, frames)
        self.work.publish(film_path(self.params))
        self.work.progress(UNITS, UNITS, "the film is written")
        return Result(engine=self.chosen.record, summary=self._summary(made))

    def _recipe(self, filters: Graph, bits: int) -> Passing | None:
        """Return how the picture is encoded in pieces, None where it is encoded in one go."""
        self.each = piecewise.frames_each(self.films, self.params, self.chosen, filters.seconds) or 0
        if not self.each or (shown := piecewise.look(self.chosen.program, filters, bits)).carry:
            return None
        coder = command.picture_coder(self.chosen, self.params)
        return piecewise.recipe(coder, self.films, self.params, filters, shown)

    def _in_one_go(self, commands: Commands) -> int | None:
        """Write the film by one command; how many pictures it must have is not known."""
        self.work.progress(MEASURED, UNITS, self._note)
        self.chosen.program.run(
            commands.whole(self._out),
            duration_s=commands.filters.seconds,
            on_progress=lambda done: self._say(done, MEASURED, UNITS - 1),
            timeout_s=MAX_RUN_S,
        )
        return None

    def _in_pieces(self, recipe: Passing, commands: Commands) -> int:
        """Write the film from pieces, those of earlier attempts too; return how many pictures it must have."""
        seconds = commands.filters.seconds
        total = max(1.0, seconds * float(recipe.rate))

        def tell(done: int, skipped: int) -> None:
            self._furthest = max(self._furthest, min(1.0, done / total))  # a kept piece that is no good goes back
            kept = f", {skipped} pictures kept from an earlier attempt" if skipped else ""
            self._say(self._furthest, MEASURED, ENCODED, f"{self._note}{kept}")

        film = PiecedFilm(work=self.work, recipe=recipe, ffmpeg=self.chosen.program, each=self.each, tell=tell)
        film.make(self.kept)
        times, steady = film.when()
        if not steady:
            self.notes.append(join.UNREADABLE)
        silent = self.work.folder / "silent.mp4"
        join.join(film.paths(), times, silent)
        self.chosen.program.run(
            commands.around(silent, times.start_s(), recipe.shown.ratio, self._out),
            duration_s=seconds,
            on_progress=lambda done: self._say(done, ENCODED, UNITS - 1, "putting it together"),
            timeout_s=MAX_RUN_S,
        )
        silent.unlink()
        return len(times.at)

    @property
    def _out(self) -> Path:
        return self.work.output(film_path(self.params))

    @property
    def _note(self) -> str:
        return f"encoding {self.chosen.codec} with {self.chosen.name}"

    def _say(self, done: float, start: int, end: int, note: str = "") -> None:
        self.work.progress(start + int(done * (end - start)), UNITS, note or self._note)

    def _bits(self) -> int:
        """Return how many bits are written, and say where they are fewer than there were."""
        bits = max(picture_of(film).pixels.bits for film in self.films)
        if bits > 8 and self.chosen.codec not in engines.FOR_HIGH_RANGE:
            self.notes.append(f"picture: {bits} bits to 8; codec hevc or av1 keeps 10")
            return 8
        return min(bits, 10)

    def _levels(self, filters: Graph, *, keep: bool) -> list[str]:
        """Return a filter for each sound that brings it to the loudness wanted; `keep` what is measured for it."""
        lufs, count = self.params.lufs, len(filters.sounds)
        if lufs is None or not count:
            return ["anull"] * count
        levels = loudness.read(self.work.output(loudness.KEPT), count) if loudness.KEPT in self.kept else None
        if levels is None:
            levels = [self._level(filters, place, lufs) for place in range(count)]
            if keep:
                loudness.write(self.work.output(loudness.KEPT), levels)
                self.work.checkpoint(loudness.KEPT)
        self.notes += [note for place, level in enumerate(levels) if (note := level.note(place, lufs))]
        return [level.filter for level in levels]

    def _level(self, filters: Graph, place: int, lufs: float) -> loudness.Levelled:
        note = f"measuring sound {place + 1} of {len(filters.sounds)}"

        def on_progress(_: float) -> None:
            self.work.progress(place * MEASURED // len(filters.sounds), UNITS, note)  # in up to four passes

        on_progress(0)
        return loudness.level(self.chosen.program, filters, place, lufs, on_progress=on_progress)

    @property
    def _is_whole(self) -> bool:
        return self.params.span == (0.0, None)

    def _copied(self) -> carry_over.CarriedOver:
        """Return the arguments that copy the sounds, where they are to stay as they are."""
        if self.params.audio_codec != "copy" or self.params.is_mute:
            return carry_over.CarriedOver(arguments=())
        if len(self.films) > 1:
            raise JobFailed(
                "the sounds of several films cannot be joined without encoding them; leave audio_codec out",
                code="BAD_REQUEST",
            )
        sounds = carry_over.audio(self.films[0], self.params.format)
        self.notes += sounds.changed
        return sounds

    def _texts(self) -> carry_over.CarriedOver:
        """Return the arguments that keep the subtitles of a single film."""
        if len(self.films) > 1:
            if any(film.subtitles for film in self.films):
                self.notes.append("subtitles are left out where films are joined")
            if any(len(film.sounds) > 1 for film in self.films):
                self.notes.append("only the first sound of each film is joined")
            return carry_over.CarriedOver(arguments=())
        texts = carry_over.subtitles(self.chosen.program, self.films[0], self.params.format)
        self.notes += texts.changed
        return texts

    def _checked(self, commands: Commands, frames: int | None) -> MediaFile:
        return muxing.check_video(
            self.chosen.program,
            self._out,
            seconds=commands.filters.seconds,
            sounds=len(commands.filters.sounds) or commands.sounds.arguments.count("-map"),
            frames=frames,
            subtitles=commands.texts.arguments.count("-map") if self._is_whole else None,
            on_progress=lambda _: self.work.progress(UNITS - 1, UNITS, "looking at what was written"),
        )

    def _summary(self, made: MediaFile) -> dict[str, Any]:
        picture = picture_of(made)
        summary: dict[str, Any] = {
            "seconds": round(picture.seconds, 3),
            "frames": picture.frames,
            "size": list(picture.size),
            "codec": self.chosen.codec,
            "encoder": self.chosen.name,
        }
        if self.chosen.passed_over:
            summary["passed_over"] = list(self.chosen.passed_over)
        if self.notes:
            summary["notes"] = self.notes
        return summary


def _shape_notes(films: Sequence[MediaFile], params: Params) -> list[str]:
    """Return what of the picture's shape is not as it was."""
    notes = []
    picture = picture_of(films[0])
    if params.lines is None and any(side % 2 for side in picture.size):
        notes.append("picture: a last odd column or line is cut away, because codecs need even sizes")
    if any(picture_of(film).rotation or picture_of(film).mirrored for film in films):
        notes.append("picture: turned for good, as it was shown")
    if any(picture_of(film).pixels.alpha for film in films):
        notes.append("picture: without its transparency, which is not kept")
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


def _examined(work: Work, name: str) -> MediaFile:
    """Return what a film is, or say why it cannot be encoded."""
    try:
        film = confined.examine(work.inputs[name])
    except MediaError as error:
        raise JobFailed(str(error), code="INPUT_CORRUPT") from error
    if film.what != "film" or film.picture is None:
        raise JobFailed(f"{name}: a {film.what} is no film; give one", code="INPUT_CORRUPT")
    return film


HANDLER = EncodeHandler()
