"""What a video is made of: the plan before anything is recorded, and the footage that it is cut from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatcher.assembly.render import RenderOptions
from dispatcher.tour.narration.clips import Narration
from dispatcher.tour.narration.enhancing import Enhancement
from dispatcher.tour.output.inserts import TourInserts, find_inserts
from dispatcher.tour.output.publishing import check_writable
from dispatcher.tour.recording.takes import Take
from dispatcher.tour.session import TourSession
from dispatcher.tour.spec.model import Spec
from media import ffmpeg
from protocol.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class VideoPlan:
    """A video before it is made: the spec, its intro and outro, where it goes, and the ffmpeg that cuts it."""

    spec: Spec
    inserts: TourInserts
    out: Path
    program: ffmpeg.Ffmpeg


@dataclass(frozen=True, kw_only=True)
class TourFootage:
    """What a video is cut from: the narration, one take for each step, and how the narration was rewritten, if so."""

    narration: Narration
    takes: Sequence[Take]
    enhancement: Enhancement | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings of the narration and of every take."""
        return (*self.narration.warnings, *(warning for take in self.takes for warning in take.warnings))


def plan_video(spec: Spec, session: TourSession) -> VideoPlan:
    """Find everything that the video needs, so that whatever is missing is an error now.

    Raises UsageError, SpecError or EnvironmentNotReady.
    """
    out = video_path(spec, session)
    if not session.options.dry_run:
        check_writable(out)
    inserts = find_inserts(spec, out)
    encoders = render_options(spec, session.options.zoom).encoders
    program = ffmpeg.find(session.settings.ffmpeg, needs=inserts.filters, encoders=encoders)
    return VideoPlan(spec=spec, inserts=inserts, out=out, program=program)


def video_path(spec: Spec, session: TourSession) -> Path:
    """Return where the video goes: --output, else the spec's path, else the user's default folder, else next to the
    spec.

    Raises UsageError if --output and the spec's format disagree.
    """
    if session.options.output is None:
        path, folder = spec.output_path(), session.settings.default_out
        return path if spec.output.path is not None or folder is None else folder / path.name
    out = Path(session.options.output)
    if out.suffix.casefold() != f".{spec.output.format}":
        raise UsageError(f"--output {out} does not end in .{spec.output.format}, the spec's output.format")
    return out.absolute()


def render_options(spec: Spec, zoom: str) -> RenderOptions:
    """Return how the spec's video is encoded."""
    output = spec.output
    return RenderOptions(
        size=spec.settings.size,
        title=spec.meta.title,
        description=spec.meta.description,
        container=output.format,
        video_codec=output.video_codec,
        preset=output.video_preset,
        crf=output.video_crf,
        audio_codec=output.audio_codec,
        audio_bitrate=output.audio_bitrate,
        loudnorm=output.loudnorm,
        zoom=zoom,
    )
