"""What was found, gathered, and made into the analysis as `protocol.kinds.analysis` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from colab.handlers.analyze import figures
from colab.handlers.analyze.engine import FrameContent
from colab.handlers.analyze.rows import Table
from colab.handlers.analyze.sheet import clock
from media.info import MediaFile
from protocol.kinds.analysis import (
    Analysis,
    Dominant,
    Embeddings,
    Loudness,
    Measured,
    MediaFacts,
    PictureFacts,
    Shot,
    SoundFacts,
    Span,
)
from protocol.kinds.analyze import Params

MISSING = 0.02
"""A film of which more than this cannot be decoded is said to be torn."""


@dataclass(kw_only=True)
class Story:
    """All that is found out about one file, as it is found."""

    media: MediaFile
    params: Params
    table: Table | None = None
    measured: tuple[int, int] = (0, 0)
    places: list[int] = field(default_factory=list)  # the first picture of each shot
    representatives: list[int] = field(default_factory=list)
    dominant: list[tuple[Dominant, ...]] = field(default_factory=list)
    seen: list[FrameContent] = field(default_factory=list)
    embeddings: Embeddings | None = None
    loudness: Loudness | None = None
    silence: tuple[Span, ...] = ()
    notes: list[str] = field(default_factory=list)

    def bounds(self) -> list[tuple[int, int]]:
        """Return (first picture, first picture after it) of each shot."""
        if self.table is None:
            return []
        return list(zip(self.places, [*self.places[1:], len(self.table)], strict=True))

    def times(self, number: int) -> tuple[float, float]:
        """Return when a shot starts and ends, by its number from 0."""
        assert self.table is not None  # who asks for a shot has one
        first, after = self.bounds()[number]
        return round(float(self.table.times[first]), 3), round(self.table.until(after), 3)

    def caption(self, number: int) -> str:
        """Return what stands below a shot's thumbnail."""
        if self.media.what == "picture":
            return f"{self.media.picture.shown[0]} x {self.media.picture.shown[1]}" if self.media.picture else ""
        start_s, end_s = self.times(number)
        return f"{number + 1}   {clock(start_s)}   {end_s - start_s:.1f} s"


def analysis(story: Story) -> Mapping[str, Any]:
    """Return the analysis as plain JSON. It is read back on the way, so that nobody is given what cannot be read."""
    table, params = story.table, story.params
    film = table is not None and story.media.what == "film"
    shots = _shots(story)
    made = Analysis(
        media=_facts(story.media),
        measured=_measured(story) if table is not None else None,
        shots=shots,
        overall=figures.look(table, 0, len(table), story.places) if table is not None else None,
        dominant=figures.all_dominant([(shot.dominant, max(shot.end_s - shot.start_s, 0.01)) for shot in shots]),
        black=figures.black(table, params) if table is not None and film else (),
        freeze=figures.frozen(table, params) if table is not None and film else (),
        loudness=story.loudness,
        silence=story.silence,
        curves=figures.curves(table) if table is not None and film else None,
        embeddings=story.embeddings,
        notes=(*story.notes, *_remarks(story)),
    )
    return made.model_dump(mode="json")


def as_text(told: Mapping[str, Any]) -> bytes:
    """Return JSON as it is written: a line for each thing that is told, and one for each shot."""
    lines = []
    for name, value in told.items():
        shots = [_json(one) for one in value] if name == "shots" else []
        lines.append(f'"{name}": ' + ("[\n  " + ",\n  ".join(shots) + "\n]" if shots else _json(value)))
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _shots(story: Story) -> tuple[Shot, ...]:
    table = story.table
    if table is None:
        return ()
    every = story.params.sample_fps is None
    shots = []
    for number, (first, after) in enumerate(story.bounds()):
        start_s, end_s = story.times(number)
        at_s = round(float(table.times[story.representatives[number]]), 3)
        seen = story.seen[number] if story.seen else FrameContent()
        shots.append(
            Shot(
                number=number + 1,
                start_s=start_s,
                end_s=end_s,
                start_frame=first if every else None,
                end_frame=after if every else None,
                representative_s=min(max(at_s, start_s), end_s),
                look=figures.look(table, first, after),
                dominant=story.dominant[number],
                tags=seen.tags,
                caption=seen.caption,
                embedding=seen.embedding,
            )
        )
    return tuple(shots)


def _facts(media: MediaFile) -> MediaFacts:
    picture, sound = media.picture, media.sounds[0] if media.sounds else None
    return MediaFacts(
        what=media.what,
        container=media.container,
        seconds=None if media.seconds is None else round(media.seconds, 3),
        picture=None
        if picture is None
        else PictureFacts(
            codec=picture.codec,
            width=picture.shown[0],
            height=picture.shown[1],
            fps=None if media.what == "picture" else round(float(picture.fps), 4),
            steady=picture.steady,
            frames=picture.frames,
            rotation=picture.rotation,
            pixels=picture.pixels.format,
            bits=picture.pixels.bits,
            hdr=picture.pixels.is_hdr,
        ),
        sound=None
        if sound is None
        else SoundFacts(codec=sound.codec, channels=sound.channels, rate=sound.rate, language=sound.language),
        sounds=len(media.sounds),
    )


def _measured(story: Story) -> Measured:
    return Measured(
        width=story.measured[0],
        height=story.measured[1],
        sample_fps=story.params.sample_fps,
        detector=story.params.detector,
        threshold=story.params.cut_threshold,
    )


def _remarks(story: Story) -> list[str]:
    """Return what a reader of the figures should know."""
    media, table, remarks = story.media, story.table, []
    picture = media.picture
    if picture is not None and picture.pixels.is_hdr:
        remarks.append("of high dynamic range: brightness and colours are those of an approximate tone mapping")
    if picture is not None and picture.pixels.alpha:
        remarks.append("what is transparent was laid on white")
    if len(media.sounds) > 1:
        remarks.append(f"the first of {len(media.sounds)} sounds was measured")
    if media.what == "film" and not media.sounds:
        remarks.append("the video has no sound")
    if table is not None and picture is not None and story.params.sample_fps is None:
        lost = picture.frames - len(table)
        if lost > max(1, MISSING * picture.frames):
            remarks.append(f"{lost} of {picture.frames} frames could not be decoded: the video is damaged")
    return remarks
