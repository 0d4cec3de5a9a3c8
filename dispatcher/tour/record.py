"""From a spec to a film: check everything first, then speak, set up, capture, cut."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from dispatcher.assembly.captions import write_captions
from dispatcher.assembly.render import RenderOptions, render
from dispatcher.assembly.timeline import Clip, Timeline, whole_frames
from dispatcher.config import Settings, is_root
from dispatcher.jobs import Progress
from dispatcher.tour import pre_setup, report
from dispatcher.tour.browser import find_browser
from dispatcher.tour.clip_cache import ClipCache
from dispatcher.tour.director import Take, direct
from dispatcher.tour.narration import Narration, Reuse, Voice, narrate, put_beside
from dispatcher.tour.speakers import open_speakers
from dispatcher.tour.spec import Spec, load
from dispatcher.tour.work_folder import occupied
from media import ffmpeg


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says beside the spec."""

    tts_backend: str = "local"
    drop: Path | None = None
    timeout_s: float = 600
    work_dir: Path | None = None
    output: Path | None = None
    base_url: str | None = None
    require_engine: str | None = None
    reuse: Reuse = field(default_factory=Reuse)
    allow_setup: bool = False
    dry_run: bool = False


class Screen(Protocol):
    """Where the recording says what it does."""

    def say(self, text: str) -> None:
        """Say what happens now."""
        ...

    def warn(self, text: str) -> None:
        """Say what must not be missed."""
        ...

    def stage(self, title: str) -> contextlib.AbstractContextManager[StageView]:
        """Show one stage of the work."""
        ...

    def confirm(self, lines: Sequence[str]) -> bool:
        """Show shell lines and ask whether they may run."""
        ...


class StageView(Protocol):
    """Where a stage says how far it is."""

    def update(self, done: float, total: float, note: str = "") -> None:
        """Say how far the stage is."""
        ...

    def job(self, progress: Progress) -> None:
        """Show how a job stands."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a recording made. After a dry run there is narration and no film."""

    narration: Narration
    film: Path | None
    report: Path | None


def record(spec_path: Path, options: Options, settings: Settings, screen: Screen) -> Recording:
    """Make the film of a spec. Everything that can be checked beforehand is, so that a late failure is rare.

    Run again after any interruption: narration that is done, or still being worked on, is not asked for again.
    """
    spec = load(spec_path, base_url=options.base_url)
    program = ffmpeg.find(settings.ffmpeg)
    browser = None if options.dry_run else find_browser(settings.chromium)
    with occupied((options.work_dir or spec_path.parent / f".{spec_path.stem}-work").absolute()) as work_dir:
        narration = _speak(spec, options, settings, work_dir, screen)
        if browser is None:
            return Recording(narration=narration, film=None, report=None)
        _set_up(spec, options, work_dir, screen)
        takes = _film(spec, narration, work_dir, browser, screen)
        return _cut(spec, options, narration, takes, program, work_dir, screen)


def _speak(spec: Spec, options: Options, settings: Settings, work_dir: Path, screen: Screen) -> Narration:
    texts = [(step.id, step.narration) for step in spec.steps]
    voice = Voice(
        name=spec.settings.voice,
        speed=spec.settings.speech_speed,
        language=spec.settings.language,
        require_engine=options.require_engine,
    )
    cache = ClipCache(settings.narration)
    if options.reuse.only:
        narration = narrate(None, texts, voice, cache=cache, reuse=options.reuse, timeout_s=0)
    else:
        narration = _spoken(texts, voice, cache, options, settings, work_dir, screen)
    narration = put_beside(narration, work_dir / "audio")
    for warning in narration.warnings:
        screen.warn(warning)
    spoken = sum(clip.seconds for clip in narration.clips.values())
    kept = f" ({narration.kept} of them spoken before)" if narration.kept else ""
    screen.say(f"narration: {len(narration.clips)} clips{kept}, {spoken:.1f} s, by {narration.engine}")
    return narration


def _spoken(
    texts: Sequence[tuple[str, str]],
    voice: Voice,
    cache: ClipCache,
    options: Options,
    settings: Settings,
    work_dir: Path,
    screen: Screen,
) -> Narration:
    """Have what is not kept spoken by the backend."""
    place = (options.tts_backend, options.drop, work_dir / "drop", work_dir / "worker.log")
    with screen.stage("narration") as stage, open_speakers(*place, settings) as speakers:

        def on_progress(progress: Progress) -> None:
            stage.job(progress)
            speakers.keep()

        narration = narrate(
            speakers.client,
            texts,
            voice,
            cache=cache,
            reuse=replace(options.reuse, offered=speakers.engines()),
            timeout_s=options.timeout_s,
            on_progress=on_progress,
        )
        stage.update(1, 1, f"{len(narration.clips)} clips")
        speakers.client.clean()
    return narration


def _film(spec: Spec, narration: Narration, work_dir: Path, browser: Path, screen: Screen) -> list[Take]:
    seconds = {step: clip.seconds for step, clip in narration.clips.items()}
    with screen.stage("filming") as stage:
        return direct(
            spec,
            seconds,
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


def _cut(
    spec: Spec,
    options: Options,
    narration: Narration,
    takes: Sequence[Take],
    program: ffmpeg.Ffmpeg,
    work_dir: Path,
    screen: Screen,
) -> Recording:
    """Cut the film, write captions and report beside it."""
    timeline = _timeline(spec, narration, {take.step_id: take for take in takes})
    out = options.output or spec.output_path()
    with screen.stage("cutting") as stage:
        film = render(program, timeline, out, _render_options(spec), on_progress=lambda done: stage.update(done, 1.0))
    captions = write_captions(timeline, film.path)
    written = film.path.with_suffix(".report.json")
    report.write(written, _report(spec, narration, takes, timeline, film.path, captions, program))
    screen.say(f"film: {film.path} ({film.seconds:.1f} s)")
    return Recording(narration=narration, film=film.path, report=written)


def _timeline(spec: Spec, narration: Narration, takes: Mapping[str, Take]) -> Timeline:
    clips = []
    for step in spec.steps:
        take, spoken = takes[step.id], narration.clips.get(step.id)
        clip = Clip(
            step_id=step.id,
            title=step.title or step.id,
            take=take.path,
            frames=whole_frames(take.seconds),
            focus=take.focus,
        )
        if spoken is not None:
            clip = replace(clip, narration=spoken.wav, words=spoken.words)
        clips.append(clip)
    return Timeline(tuple(clips))


def _render_options(spec: Spec) -> RenderOptions:
    output = spec.output
    return RenderOptions(
        size=spec.settings.size,
        title=spec.meta.title,
        description=spec.meta.description,
        video_codec=output.video_codec,
        preset=output.video_preset,
        crf=output.video_crf,
        audio_codec=output.audio_codec,
        audio_bitrate=output.audio_bitrate,
        loudnorm=output.loudnorm,
    )


def _report(
    spec: Spec,
    narration: Narration,
    takes: Sequence[Take],
    timeline: Timeline,
    film: Path,
    captions: Sequence[Path],
    program: ffmpeg.Ffmpeg,
) -> report.Report:
    steps = []
    for step, take, start in zip(spec.steps, takes, timeline.starts, strict=True):
        spoken = narration.clips.get(step.id)
        steps.append(
            report.StepReport(
                id=step.id,
                title=step.title or step.id,
                narration=step.narration,
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
        warnings=narration.warnings,
        versions={"gpudrop": version("gpudrop"), "ffmpeg": program.version},
        steps=tuple(steps),
    )
