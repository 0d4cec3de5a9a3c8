"""From a spec to a video: check everything first, then speak, record and cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dispatcher.config import is_root
from dispatcher.tour.application import prepare_application
from dispatcher.tour.browser.chromium import find_browser
from dispatcher.tour.browser.context import context_options
from dispatcher.tour.narration import enhancing
from dispatcher.tour.narration.clips import Narration
from dispatcher.tour.narration.enhancing import Enhancement, enhance_narration
from dispatcher.tour.narration.speaking import needs_worker, speak, spoken_text_of
from dispatcher.tour.output import duration
from dispatcher.tour.output.cutting import cut
from dispatcher.tour.output.encoding import check_encoder
from dispatcher.tour.output.plan import TourFootage, VideoPlan, plan_video
from dispatcher.tour.recording.director import OnStep, record_steps, rehearse_steps
from dispatcher.tour.recording.takes import RehearsedStep, Take
from dispatcher.tour.recording.waiting import OnWait
from dispatcher.tour.registry import registered
from dispatcher.tour.screen import Screen, StageView
from dispatcher.tour.session import TourSession
from dispatcher.tour.spec import slide_rules
from dispatcher.tour.spec.loading import load
from dispatcher.tour.spec.model import Spec


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The result of a recording. After a dry run there is narration but no video."""

    narration: Narration
    video: Path | None
    report: Path | None
    enhancement: Enhancement | None = None
    warnings: tuple[str, ...] = ()  # of the spec, the narration and the steps
    tour: str = ""  # its id in the run database

    @property
    def film(self) -> Path | None:
        """Return the video, by its older name."""
        return self.video


def record(session: TourSession) -> Recording:
    """Make the video of a spec. Everything that can be checked beforehand is checked first, so late failures are rare.

    Run it again after any interruption: finished narration is reused, and jobs in progress are continued.
    """
    spec = load_checked(session)
    plan = plan_video(spec, session)
    browser = None if session.options.dry_run else _find_browser(spec, session)
    _warn_translated(spec, session.screen)
    title, video = spec.meta.title or session.spec_path.name, None if browser is None else plan.out
    with session.locked_work_dir(), registered(title, session, video=video) as tour:
        session = session.in_group(tour.id)
        session.screen.say(f"tour {tour.id}")
        if browser is not None:
            prepare_application(spec, session)
        spec, enhancement = enhance_narration(spec, session)
        plan = replace(plan, spec=spec)
        narration = _speak(plan, session, is_recorded=browser is not None)
        if browser is None:
            warnings = spec.warnings + narration.warnings
            return Recording(
                narration=narration, video=None, report=None, enhancement=enhancement, warnings=warnings, tour=tour.id
            )
        takes = _record_steps(spec, narration, browser, session)
        footage = TourFootage(narration=narration, takes=takes, enhancement=enhancement)
        done = cut(plan, footage, session)
        tour.report = done.report
    return Recording(
        narration=narration,
        video=done.video,
        report=done.report,
        enhancement=enhancement,
        warnings=(*spec.warnings, *footage.warnings),
        tour=tour.id,
    )


def rehearse(session: TourSession) -> list[RehearsedStep]:
    """Do every step of a spec as fast as its pages allow; nothing is spoken or recorded.

    Raises StepFailed for the first step that fails.
    """
    spec = load(session.spec_path, base_url=session.options.base_url)
    _warn_translated(spec, session.screen)
    browser = _find_browser(spec, session)
    with session.locked_work_dir():
        prepare_application(spec, session)
        with session.screen.stage("rehearsing") as stage:
            steps = rehearse_steps(
                spec,
                work_dir=session.work_dir,
                browser=browser,
                root=is_root(),
                on_step=_progress(stage, spec),
                on_wait=_on_wait(session.screen),
            )
    _warn_of(steps, session.screen)
    return steps


def preview(session: TourSession) -> str:
    """Return what would be said in each step, word for word; nothing is spoken.

    No worker is needed for that, unless the narration is to be rewritten first.
    """
    spec = load(session.spec_path, base_url=session.options.base_url, is_recorded=False)
    _warn_translated(spec, session.screen)
    if session.options.enhance is not None:
        enhancing.check(session)
        with session.locked_work_dir():
            spec, _ = enhance_narration(spec, session)
    return spoken_text_of(spec, session.options)


def load_checked(session: TourSession) -> Spec:
    """Return the spec, once it is known that the workers it needs can be reached. Raises as `check_backend` does."""
    spec = load(session.spec_path, base_url=session.options.base_url)
    if session.options.enhance is not None or needs_worker(spec, session):
        session.check_backend()
    enhancing.check(session)
    return spec


def _find_browser(spec: Spec, session: TourSession) -> Path:
    """Return the browser to record with. Raises EnvironmentNotReady, also for a missing environment variable."""
    browser = find_browser(session.settings.chromium)
    context_options(spec)
    return browser


def _warn_translated(spec: Spec, screen: Screen) -> None:
    """Show how keys of another recorder were translated, and how to convert the spec for good."""
    for warning in spec.warnings:
        screen.warn(warning)
    if spec.warnings:
        screen.say(f"gpudrop tour import {spec.source.name} -o NEW.json writes a spec without these warnings")


def _speak(plan: VideoPlan, session: TourSession, *, is_recorded: bool) -> Narration:
    """Return the narration; the length of the video is checked before and after it is spoken."""
    _check_estimate(plan, session.screen)
    if is_recorded:
        check_encoder(session)
    narration = speak(plan.spec, session)
    _check_length(plan, narration.seconds, session.screen)
    return narration


def _check_estimate(plan: VideoPlan, screen: Screen) -> None:
    """Show an estimate of the length before anything is spoken. Raises SpecError if it is too long even in silence."""
    spec, frames = plan.spec, plan.inserts.frames
    duration.check(spec, duration.estimate_from_narration(spec, {}, insert_frames=frames))
    text, warnings = duration.describe_estimate(spec, duration.estimate_from_text(spec, insert_frames=frames))
    screen.say(text)
    for warning in [*slide_rules.warnings(spec.slides, spec.steps), *warnings]:
        screen.warn(warning)


def _check_length(plan: VideoPlan, spoken_s: Mapping[str, float], screen: Screen) -> None:
    """Check the length of the video with the actual narration, before anything is recorded."""
    estimate = duration.estimate_from_narration(plan.spec, spoken_s, insert_frames=plan.inserts.frames)
    for warning in duration.check(plan.spec, estimate):
        screen.warn(warning)


def _record_steps(spec: Spec, narration: Narration, browser: Path, session: TourSession) -> list[Take]:
    with session.screen.stage("recording") as stage:
        takes = record_steps(
            spec,
            narration.seconds,
            work_dir=session.work_dir,
            browser=browser,
            root=is_root(),
            on_step=_progress(stage, spec),
            on_wait=_on_wait(session.screen),
        )
    _warn_of(takes, session.screen)
    return takes


def _progress(stage: StageView, spec: Spec) -> OnStep:
    return lambda done, step: stage.update(done, len(spec.steps), step)


def _on_wait(screen: Screen) -> OnWait:
    return lambda place, seconds: screen.say(f"still waiting for {place} after {seconds:.0f} s")


def _warn_of(steps: Sequence[Take | RehearsedStep], screen: Screen) -> None:
    for step in steps:
        for warning in step.warnings:
            screen.warn(warning)
