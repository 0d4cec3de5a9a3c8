"""From takes and narration to the video with its captions and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from dispatcher.assembly.captions import write_captions
from dispatcher.assembly.timeline import Clip, Timeline, whole_frames
from dispatcher.tour.output import duration, encoding, publishing, report
from dispatcher.tour.output.plan import TourFootage, VideoPlan, render_options
from dispatcher.tour.session import TourSession
from dispatcher.tour.spec import script

REPORT = ".report.json"


@dataclass(frozen=True, kw_only=True)
class CutVideo:
    """A finished video and its report."""

    video: Path
    report: Path


def cut(plan: VideoPlan, footage: TourFootage, session: TourSession) -> CutVideo:
    """Cut the video, and write captions and report next to it: all of them appear together, when all are complete."""
    timeline = Timeline(_clips(plan, footage), plan.inserts.intro, plan.inserts.outro)
    with publishing.unfinished(plan.out) as unfinished:
        captions = write_captions(timeline, unfinished, plan.spec.settings.language)
        request = encoding.EncodeRequest(
            program=plan.program,
            timeline=timeline,
            out=unfinished,
            options=render_options(plan.spec, session.options.zoom),
        )
        encoded = encoding.encode(request, session)
        published = [plan.out.with_name(path.name) for path in captions]
        tour_report = _report(plan, footage, timeline, published, _versions(plan, encoded))
        report.write(unfinished.with_suffix(REPORT), tour_report)
    for warning in duration.final_warnings(plan.spec, timeline.seconds):
        session.screen.warn(warning)
    session.screen.say(f"video: {plan.out} ({timeline.seconds:.1f} s)")
    return CutVideo(video=plan.out, report=plan.out.with_suffix(REPORT))


def _clips(plan: VideoPlan, footage: TourFootage) -> tuple[Clip, ...]:
    takes = {take.step_id: take for take in footage.takes}
    clips = []
    for step in plan.spec.steps:
        take, spoken = takes[step.id], footage.narration.clips.get(step.id)
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


def _report(
    plan: VideoPlan, footage: TourFootage, timeline: Timeline, captions: Sequence[Path], versions: Mapping[str, str]
) -> report.TourReport:
    return report.TourReport(
        spec=str(plan.spec.source),
        title=plan.spec.meta.title,
        video=str(plan.out),
        captions=tuple(map(str, captions)),
        seconds=timeline.seconds,
        engine=footage.narration.engine,
        warnings=(*plan.spec.warnings, *footage.warnings),
        versions=versions,
        steps=_step_reports(plan, footage, timeline),
        enhancement=footage.enhancement.as_dict() if footage.enhancement else None,
    )


def _step_reports(plan: VideoPlan, footage: TourFootage, timeline: Timeline) -> tuple[report.StepReport, ...]:
    steps = []
    for step, take, start in zip(plan.spec.steps, footage.takes, timeline.starts, strict=True):
        spoken = footage.narration.clips.get(step.id)
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
    return tuple(steps)


def _versions(plan: VideoPlan, encoded: encoding.EncodedTour) -> dict[str, str]:
    versions = {"gpudrop": version("gpudrop"), "ffmpeg": plan.program.version}
    return versions | ({"encoder": encoded.engine.told()} if encoded.engine else {})
