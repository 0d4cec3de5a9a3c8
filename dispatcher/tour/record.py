"""From a spec to a film: check everything first, then speak, set up, capture, cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dispatcher.config import Settings, is_root
from dispatcher.tour import duration, encoding, pre_setup
from dispatcher.tour.browser import find_browser
from dispatcher.tour.browser_context import context_options
from dispatcher.tour.cutting import Cut, cut, render_options
from dispatcher.tour.director import Rehearsed, Take, direct, rehearse
from dispatcher.tour.enhancing import Enhancement, check, enhanced
from dispatcher.tour.inserts import Inserts, find_inserts
from dispatcher.tour.narration import Narration
from dispatcher.tour.options import Options
from dispatcher.tour.publishing import check_writable
from dispatcher.tour.reachable import check_application
from dispatcher.tour.remembering import remembered
from dispatcher.tour.screen import Screen
from dispatcher.tour.slides import rules as slide_rules
from dispatcher.tour.speaking import needs_worker, speak, spoken_text_of
from dispatcher.tour.spec import Spec, load
from dispatcher.tour.waiting import OnWait
from dispatcher.tour.work_folder import occupied
from dispatcher.tour.workers import check_backend
from media import ffmpeg
from protocol.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a recording made. After a dry run there is narration and no film."""

    narration: Narration
    film: Path | None
    report: Path | None
    enhancement: Enhancement | None = None
    warnings: tuple[str, ...] = ()  # of the spec, of the narration and of the filming
    tour: str = ""  # its id, by which it is found among the runs


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What is known of the film before anything is done for it, and the programs that will make it."""

    spec: Spec
    inserts: Inserts
    out: Path
    program: ffmpeg.Ffmpeg
    browser: Path | None  # None where nothing is filmed


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """With what a tour is made: what was asked for, where its takes lie, and who is told."""

    options: Options
    settings: Settings
    work_dir: Path
    screen: Screen


def record(spec_path: Path, options: Options, settings: Settings, screen: Screen) -> Recording:
    """Make the film of a spec. Everything that can be checked beforehand is, so that a late failure is rare.

    Run again after any interruption: narration that is done, or still being worked on, is not asked for again.
    """
    plan = _plan(spec_path, options, settings)
    _tell_translation(plan.spec, screen)
    title, film = plan.spec.meta.title or spec_path.name, None if options.dry_run else plan.out
    with (
        occupied(_work_dir(spec_path, options)) as work_dir,
        remembered(title, spec_path, options, settings, film=film, work_dir=work_dir) as tour,
    ):
        screen.say(f"tour {tour.id}")
        desk = _Desk(options=tour.options, settings=settings, work_dir=work_dir, screen=screen)
        if plan.browser is not None:
            _have_application(plan.spec, desk)
        plan, enhancement = _enhance(plan, desk)
        narration = _speak(plan, desk)
        warnings = plan.spec.warnings + narration.warnings
        if plan.browser is None:
            return Recording(
                narration=narration, film=None, report=None, enhancement=enhancement, warnings=warnings, tour=tour.id
            )
        takes = _film(plan.spec, narration, plan.browser, desk)
        made = _cut(plan, narration, takes, enhancement, desk)
        tour.report = made.report
    return Recording(
        narration=narration,
        film=made.film,
        report=made.report,
        enhancement=enhancement,
        warnings=(*warnings, *_of_takes(takes)),
        tour=tour.id,
    )


def try_out(spec_path: Path, options: Options, settings: Settings, screen: Screen) -> list[Rehearsed]:
    """Do every step of a spec as fast as its pages allow: nothing is spoken, and nothing recorded.

    Raises StepFailed for the first step that does not work.
    """
    spec = load(spec_path, base_url=options.base_url)
    _tell_translation(spec, screen)
    context_options(spec)
    browser = find_browser(settings.chromium)
    with occupied(_work_dir(spec_path, options)) as work_dir:
        desk = _Desk(options=options, settings=settings, work_dir=work_dir, screen=screen)
        _have_application(spec, desk)
        with screen.stage("rehearsing") as stage:
            done = rehearse(
                spec,
                work_dir=work_dir,
                browser=browser,
                root=is_root(),
                on_step=lambda n, step: stage.update(n, len(spec.steps), step),
                on_wait=_told_to(screen),
            )
    for step in done:
        for warning in step.warnings:
            screen.warn(warning)
    return done


def _plan(spec_path: Path, options: Options, settings: Settings) -> _Plan:
    """Read the spec and find what is needed for it; whatever is wrong or missing is an error now."""
    spec = load(spec_path, base_url=options.base_url)
    check_workers(spec, options, settings)
    if options.enhance is not None:
        check(spec_path, options.enhance)
    out = _film_path(spec, options, settings)
    if not options.dry_run:
        check_writable(out)
    inserts = find_inserts(spec, out)
    encoders = render_options(spec, options.zoom).encoders
    program = ffmpeg.find(settings.ffmpeg, needs=inserts.filters, encoders=encoders)
    browser = None if options.dry_run else find_browser(settings.chromium)
    if browser is not None:
        context_options(spec)  # a secret that is missing in the environment is told now
    return _Plan(spec=spec, inserts=inserts, out=out, program=program, browser=browser)


def check_workers(spec: Spec, options: Options, settings: Settings) -> None:
    """Check that there is a way to workers, where the tour needs one. Raises as `check_backend` does."""
    if options.enhance is not None or needs_worker(spec, options, settings):
        check_backend(options, settings)


def _enhance(plan: _Plan, desk: _Desk) -> tuple[_Plan, Enhancement | None]:
    """Have the narration written anew, where that was asked for."""
    wanted = desk.options.enhance
    if wanted is None:
        return plan, None
    spec, enhancement = enhanced(plan.spec, wanted, desk.options, desk.settings, desk.work_dir, desk.screen)
    return replace(plan, spec=spec), enhancement


def _speak(plan: _Plan, desk: _Desk) -> Narration:
    """Have the narration spoken, and check before and after it how long the film will be."""
    _foretell(plan.spec, plan.inserts, desk.screen)
    if plan.browser is not None:
        encoding.foretell(desk.options, desk.settings, desk.screen)
    narration = speak(plan.spec, desk.options, desk.settings, desk.work_dir, desk.screen)
    _check_length(plan.spec, narration.seconds, plan.inserts, desk.screen)
    return narration


def _cut(plan: _Plan, narration: Narration, takes: Sequence[Take], enhancement: Enhancement | None, desk: _Desk) -> Cut:
    return cut(
        plan.spec,
        plan.inserts,
        narration,
        takes,
        plan.program,
        plan.out,
        desk.screen,
        options=desk.options,
        settings=desk.settings,
        work_dir=desk.work_dir,
        enhancement=enhancement,
    )


def preview(spec_path: Path, options: Options, settings: Settings, screen: Screen) -> str:
    """Return what would be said of each step, word for word, and speak nothing.

    No worker is needed for that, unless the narration is to be written anew first.
    """
    spec = load(spec_path, base_url=options.base_url, is_filmed=False)
    _tell_translation(spec, screen)
    if options.enhance is None:
        return spoken_text_of(spec, options)
    check(spec_path, options.enhance)
    with occupied(_work_dir(spec_path, options)) as work_dir:
        spec, _ = enhanced(spec, options.enhance, options, settings, work_dir, screen)
    return spoken_text_of(spec, options)


def _tell_translation(spec: Spec, screen: Screen) -> None:
    """Say how what was written for another recorder is understood, and how to have it in our words."""
    for warning in spec.warnings:
        screen.warn(warning)
    if spec.warnings:
        screen.say(f"gpudrop tour import {spec.source.name} -o NEW.json writes a spec without these warnings")


def _work_dir(spec_path: Path, options: Options) -> Path:
    return Path(options.work_dir or spec_path.parent / f".{spec_path.stem}-work").absolute()


def _film_path(spec: Spec, options: Options, settings: Settings) -> Path:
    """Return where the film goes: --output, else what the spec says, else the user's default folder, else beside it.

    Raises UsageError where --output and the spec's format disagree.
    """
    if options.output is None:
        said, folder = spec.output_path(), settings.default_out
        return said if spec.output.path is not None or folder is None else folder / said.name
    out = Path(options.output)
    if out.suffix.casefold() != f".{spec.output.format}":
        raise UsageError(f"--output {out} does not end in .{spec.output.format}, the spec's output.format")
    return out.absolute()


def _foretell(spec: Spec, inserts: Inserts, screen: Screen) -> None:
    """Say how long the film will be, before a word is spoken; what cannot be cut by speaking less is an error."""
    duration.check(spec, duration.from_narration(spec, {}, insert_frames=inserts.frames))
    told, warnings = duration.foretold(spec, duration.from_text(spec, insert_frames=inserts.frames))
    screen.say(told)
    for warning in [*slide_rules.warnings(spec.slides, spec.steps), *warnings]:
        screen.warn(warning)


def _check_length(spec: Spec, spoken_s: Mapping[str, float], inserts: Inserts, screen: Screen) -> None:
    """Check the film's length by what was spoken, before anything is filmed."""
    for warning in duration.check(spec, duration.from_narration(spec, spoken_s, insert_frames=inserts.frames)):
        screen.warn(warning)


def _film(spec: Spec, narration: Narration, browser: Path, desk: _Desk) -> list[Take]:
    with desk.screen.stage("filming") as stage:
        takes = direct(
            spec,
            narration.seconds,
            work_dir=desk.work_dir,
            browser=browser,
            root=is_root(),
            on_step=lambda done, step: stage.update(done, len(spec.steps), step),
            on_wait=_told_to(desk.screen),
        )
    for warning in _of_takes(takes):
        desk.screen.warn(warning)
    return takes


def _told_to(screen: Screen) -> OnWait:
    return lambda place, seconds: screen.say(f"still waiting for {place} after {seconds:.0f} s")


def _of_takes(takes: Sequence[Take]) -> list[str]:
    return [warning for take in takes for warning in take.warnings]


def _have_application(spec: Spec, desk: _Desk) -> None:
    """Run the spec's own set-up, and see that the application is there."""
    _set_up(spec, desk)
    for warning in check_application(spec):
        desk.screen.warn(warning)


def _set_up(spec: Spec, desk: _Desk) -> None:
    if spec.pre_setup:
        if desk.options.allow_setup:
            desk.screen.say("pre_setup, allowed by --allow-setup:\n  " + "\n  ".join(spec.pre_setup))
        pre_setup.run(
            spec.pre_setup,
            confirm=desk.screen.confirm,
            allow=desk.options.allow_setup,
            cwd=spec.source.parent,
            log=desk.work_dir / "pre_setup.log",
        )
