"""From a spec to a film: check everything first, then speak, set up, capture, cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dispatcher.config import Settings, is_root
from dispatcher.tour import duration, encoding, pre_setup
from dispatcher.tour.browser import find_browser
from dispatcher.tour.cutting import cut, render_options
from dispatcher.tour.director import Take, direct
from dispatcher.tour.enhancing import Enhancement, check, enhanced
from dispatcher.tour.inserts import Inserts, find_inserts
from dispatcher.tour.narration import Narration
from dispatcher.tour.options import Options
from dispatcher.tour.remembering import remembered
from dispatcher.tour.screen import Screen
from dispatcher.tour.slides import rules as slide_rules
from dispatcher.tour.speaking import speak, spoken_text, spoken_text_of
from dispatcher.tour.spec import Spec, load
from dispatcher.tour.work_folder import occupied
from media import ffmpeg
from protocol.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a recording made. After a dry run there is narration and no film."""

    narration: Narration
    film: Path | None
    report: Path | None
    enhancement: Enhancement | None = None


def record(spec_path: Path, options: Options, settings: Settings, screen: Screen) -> Recording:
    """Make the film of a spec. Everything that can be checked beforehand is, so that a late failure is rare.

    Run again after any interruption: narration that is done, or still being worked on, is not asked for again.
    """
    spec = load(spec_path, base_url=options.base_url)
    if options.enhance is not None:
        check(spec_path, options.enhance)
    out = _film_path(spec, options)
    inserts = find_inserts(spec, out)
    encoders = render_options(spec, options.zoom).encoders
    program = ffmpeg.find(settings.ffmpeg, needs=inserts.filters, encoders=encoders)
    browser = None if options.dry_run else find_browser(settings.chromium)
    with (
        occupied(_work_dir(spec_path, options)) as work_dir,
        remembered(spec.meta.title or spec_path.name, options, settings) as tour,
    ):
        options = tour.options
        enhancement = None
        if options.enhance is not None:
            spec, enhancement = enhanced(spec, options.enhance, options, settings, work_dir, screen)
        _foretell(spec, inserts, screen)
        if browser is not None:
            encoding.foretell(options, settings, screen)
        narration = speak(spec, options, settings, work_dir, screen)
        spoken_s = {step: clip.seconds for step, clip in narration.clips.items()}
        _check_length(spec, spoken_s, inserts, screen)
        if browser is None:
            return Recording(narration=narration, film=None, report=None, enhancement=enhancement)
        _set_up(spec, options, work_dir, screen)
        takes = _film(spec, spoken_s, work_dir, browser, screen)
        made = cut(
            spec,
            inserts,
            narration,
            takes,
            program,
            out,
            screen,
            options=options,
            settings=settings,
            work_dir=work_dir,
            enhancement=enhancement,
        )
        tour.report = made.report
    return Recording(narration=narration, film=made.film, report=made.report, enhancement=enhancement)


def preview(spec_path: Path, options: Options, settings: Settings, screen: Screen) -> str:
    """Return what would be said of each step, word for word, and speak nothing.

    No worker is needed for that, unless the narration is to be written anew first.
    """
    if options.enhance is None:
        return spoken_text(spec_path, options)
    spec = load(spec_path, base_url=options.base_url, is_filmed=False)
    check(spec_path, options.enhance)
    with occupied(_work_dir(spec_path, options)) as work_dir:
        spec, _ = enhanced(spec, options.enhance, options, settings, work_dir, screen)
    return spoken_text_of(spec, options)


def _work_dir(spec_path: Path, options: Options) -> Path:
    return (options.work_dir or spec_path.parent / f".{spec_path.stem}-work").absolute()


def _film_path(spec: Spec, options: Options) -> Path:
    """Return where the film goes. Raises UsageError where --output and the spec's format disagree."""
    if options.output is None:
        return spec.output_path()
    if options.output.suffix.casefold() != f".{spec.output.format}":
        raise UsageError(f"--output {options.output} does not end in .{spec.output.format}, the spec's output.format")
    return options.output.absolute()


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


def _film(spec: Spec, spoken_s: Mapping[str, float], work_dir: Path, browser: Path, screen: Screen) -> list[Take]:
    with screen.stage("filming") as stage:
        return direct(
            spec,
            spoken_s,
            work_dir=work_dir,
            browser=browser,
            root=is_root(),
            on_step=lambda done, step: stage.update(done, len(spec.steps), step),
        )


def _set_up(spec: Spec, options: Options, work_dir: Path, screen: Screen) -> None:
    if spec.pre_setup:
        if options.allow_setup:
            screen.say("pre_setup, allowed by --allow-setup:\n  " + "\n  ".join(spec.pre_setup))
        pre_setup.run(
            spec.pre_setup,
            confirm=screen.confirm,
            allow=options.allow_setup,
            cwd=spec.source.parent,
            log=work_dir / "pre_setup.log",
        )
