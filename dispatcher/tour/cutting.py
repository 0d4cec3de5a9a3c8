"""From takes and narration to the film with its captions and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from dispatcher.assembly.captions import write_captions
from dispatcher.assembly.render import RenderOptions
from dispatcher.assembly.timeline import Clip, Timeline, whole_frames
from dispatcher.config import Settings
from dispatcher.tour import duration, encoding, publishing, report, script
from dispatcher.tour.director import Take
from dispatcher.tour.enhancing import Enhancement
from dispatcher.tour.inserts import Inserts
from dispatcher.tour.narration import Narration
from dispatcher.tour.options import Options
from dispatcher.tour.screen import Screen
from dispatcher.tour.spec import Spec
from media import ffmpeg

REPORT = ".report.json"


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A finished film and its report."""

    film: Path
    report: Path


def cut(
    spec: Spec,
    inserts: Inserts,
    narration: Narration,
    takes: Sequence[Take],
    program: ffmpeg.Ffmpeg,
    out: Path,
    screen: Screen,
    *,
    options: Options,
    settings: Settings,
    work_dir: Path,
    enhancement: Enhancement | None = None,
) -> Cut:
    """Cut the film, and write captions and report beside it: all of them are whole before any of them appears."""
    steps = _steps(spec, narration, {take.step_id: take for take in takes})
    timeline = Timeline(steps, inserts.intro, inserts.outro)
    wanted = render_options(spec, options.zoom)
    written = out.with_suffix(REPORT)
    with publishing.unfinished(out) as film:
        captions = [out.with_name(path.name) for path in write_captions(timeline, film, spec.settings.language)]
        encoded = encoding.encode(program, timeline, film, wanted, options, settings, work_dir, screen)
        told = _report(spec, narration, takes, timeline, out, captions, _versions(program, encoded))
        told = replace(told, enhancement=enhancement.told()) if enhancement else told
        report.write(film.with_suffix(REPORT), told)
    for warning in duration.finished(spec, timeline.seconds):
        screen.warn(warning)
    screen.say(f"film: {out} ({timeline.seconds:.1f} s)")
    return Cut(film=out, report=written)


def _steps(spec: Spec, narration: Narration, takes: Mapping[str, Take]) -> tuple[Clip, ...]:
    clips = []
    for step in spec.steps:
        take, spoken = takes[step.id], narration.clips.get(step.id)
        clip = Clip(
            step_id=step.id,
            title=step.title or step.id,
            take=take.path,
            frames=whole_frames(take.seconds),
            focus=take.focus,
            opens_on=take.opens_on,
            ends_on=take.ends_on,
        )
        if spoken is not None:
            clip = replace(clip, narration=spoken.wav, words=spoken.words)
        clips.append(clip)
    return tuple(clips)


def render_options(spec: Spec, zoom: str) -> RenderOptions:
    """Return how the spec wants its film encoded."""
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


def _report(
    spec: Spec,
    narration: Narration,
    takes: Sequence[Take],
    timeline: Timeline,
    film: Path,
    captions: Sequence[Path],
    versions: Mapping[str, str],
) -> report.Report:
    steps = []
    for step, take, start in zip(spec.steps, takes, timeline.starts, strict=True):
        spoken = narration.clips.get(step.id)
        steps.append(
            report.StepReport(
                id=step.id,
                title=step.title or step.id,
                narration=script.plain(step.narration),
                narration_seconds=spoken.seconds if spoken else 0.0,
                capture_seconds=take.seconds,
                start=start,
                engine=spoken.engine if spoken else None,
                retries=take.retries,
                assertions=take.assertions,
            )
        )
    return report.Report(
        spec=str(spec.source),
        title=spec.meta.title,
        video=str(film),
        captions=tuple(map(str, captions)),
        seconds=timeline.seconds,
        engine=narration.engine,
        warnings=(*spec.warnings, *narration.warnings, *(warning for take in takes for warning in take.warnings)),
        versions=versions,
        steps=tuple(steps),
    )


def _versions(program: ffmpeg.Ffmpeg, encoded: encoding.Encoded) -> dict[str, str]:
    versions = {"gpudrop": version("gpudrop"), "ffmpeg": program.version}
    return versions | ({"encoder": encoded.engine.told()} if encoded.engine else {})
