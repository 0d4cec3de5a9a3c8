"""The intro and outro clips of a spec: checked before anything is spoken or recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dispatcher.assembly.inserts import HDR_FILTERS
from dispatcher.assembly.timeline import Insert
from dispatcher.tour.spec.fields import expand
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.settings import InsertClip
from media.confined import probe
from media.ffmpeg import NEEDED
from protocol.errors import MediaError, SpecError


@dataclass(frozen=True, kw_only=True)
class TourInserts:
    """The clips that a video shows before and after its steps."""

    intro: Insert | None
    outro: Insert | None

    @property
    def frames(self) -> int:
        """Return how many frames they add to the video."""
        return sum(insert.frames for insert in (self.intro, self.outro) if insert is not None)

    @property
    def filters(self) -> frozenset[str]:
        """Return the filters that ffmpeg needs to cut the video."""
        hdr = any(insert and insert.footage.transfer for insert in (self.intro, self.outro))
        return NEEDED | HDR_FILTERS if hdr else NEEDED


def find_inserts(spec: Spec, video: Path) -> TourInserts:
    """Return the spec's intro and outro. Raises SpecError naming each clip that cannot be used, with a hint.

    `video` cannot be used as a clip, as it will be overwritten.
    """
    found: dict[str, Insert | None] = {}
    wrong = []
    for field, clip, title in (
        ("intro_clip", spec.output.intro_clip, "Intro"),
        ("outro_clip", spec.output.outro_clip, "Outro"),
    ):
        try:
            found[field] = _insert(spec, clip, title, video)
        except MediaError as error:
            wrong.append(f"$.output.{field}: {error}")
    if wrong:
        raise SpecError(str(spec.source), wrong)
    return TourInserts(intro=found["intro_clip"], outro=found["outro_clip"])


def _insert(spec: Spec, clip: InsertClip | None, title: str, video: Path) -> Insert | None:
    if clip is None:
        return None
    path = expand(clip.path, spec.source.parent)
    if path.resolve() == video.resolve():
        raise MediaError(f"{path} is where the video goes, and would be overwritten; change output.path")
    return Insert(title=clip.title or title, footage=probe(path))
