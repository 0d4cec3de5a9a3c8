"""The intro and the outro of a spec: looked at before anything is spoken or filmed."""

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
    """The films from elsewhere that a tour shows before and after its steps."""

    intro: Insert | None
    outro: Insert | None

    @property
    def frames(self) -> int:
        """Return how much longer the film is by them, in its frames."""
        return sum(insert.frames for insert in (self.intro, self.outro) if insert is not None)

    @property
    def filters(self) -> frozenset[str]:
        """Return the filters that ffmpeg needs to cut the film."""
        hdr = any(insert and insert.footage.transfer for insert in (self.intro, self.outro))
        return NEEDED | HDR_FILTERS if hdr else NEEDED


def find_inserts(spec: Spec, film: Path) -> TourInserts:
    """Return the spec's intro and outro, or raise SpecError: each that cannot be shown, its field, its hint.

    The one file that cannot be shown although it may be whole is `film`, which is written over.
    """
    found: dict[str, Insert | None] = {}
    wrong = []
    for field, clip, title in (
        ("intro_clip", spec.output.intro_clip, "Intro"),
        ("outro_clip", spec.output.outro_clip, "Outro"),
    ):
        try:
            found[field] = _insert(spec, clip, title, film)
        except MediaError as error:
            wrong.append(f"$.output.{field}: {error}")
    if wrong:
        raise SpecError(str(spec.source), wrong)
    return TourInserts(intro=found["intro_clip"], outro=found["outro_clip"])


def _insert(spec: Spec, clip: InsertClip | None, title: str, film: Path) -> Insert | None:
    if clip is None:
        return None
    path = expand(clip.path, spec.source.parent)
    if path.resolve() == film.resolve():
        raise MediaError(f"{path} is where the video goes, and would be overwritten; change output.path")
    return Insert(title=clip.title or title, footage=probe(path))
