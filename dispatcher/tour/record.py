"""From a spec to a film: check everything first, then speak, set up, capture, cut."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from dispatcher.assembly.captions import write_captions
from dispatcher.assembly.render import RenderOptions, render
from dispatcher.assembly.timeline import Clip, Timeline, whole_frames
from dispatcher.client import Client
from dispatcher.config import Settings, is_root
from dispatcher.drops import find as find_drop
from dispatcher.drops import init_drop
from dispatcher.jobs import Progress
from dispatcher.runs.store import RunStore
from dispatcher.tour import duration, pre_setup, report
from dispatcher.tour.browser import find_browser
from dispatcher.tour.director import Take, direct
from dispatcher.tour.inserts import Inserts, find_inserts
from dispatcher.tour.narration import Narration, Voice, narrate
from dispatcher.tour.spec import Spec, load
from dispatcher.workers.process import ResidentWorker
from media import ffmpeg
from protocol.errors import EnvironmentNotReady, UsageError

BACKENDS = ("local", "colab")


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
    out = _film_path(spec, options)
    inserts = find_inserts(spec, out)
    program = ffmpeg.find(settings.ffmpeg, needs=inserts.filters, encoders=_render_options(spec).encoders)
    browser = None if options.dry_run else find_browser(settings.chromium)
    work_dir = (options.work_dir or spec_path.parent / f".{spec_path.stem}-work").absolute()
    work_dir.mkdir(parents=True, exist_ok=True)
    _foretell(spec, inserts, screen)
    narration = _speak(spec, options, settings, work_dir, screen)
    seconds = {step: clip.seconds for step, clip in narration.clips.items()}
    _check_length(spec, seconds, inserts, screen)
    if browser is None:
        return Recording(narration=narration, film=None, report=None)
    _set_up(spec, options, work_dir, screen)
    with screen.stage("filming") as stage:
        takes = direct(
            spec,
            seconds,
            work_dir=work_dir,
            browser=browser,
            root=is_root(),
            on_step=lambda done, step: stage.update(done, len(spec.steps), step),
        )
    return _cut(spec, inserts, narration, takes, program, out, screen)


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
    for warning in warnings:
        screen.warn(warning)


def _check_length(spec: Spec, spoken_s: Mapping[str, float], inserts: Inserts, screen: Screen) -> None:
    """Check the film's length by what was spoken, before anything is filmed."""
    for warning in duration.check(spec, duration.from_narration(spec, spoken_s, insert_frames=inserts.frames)):
        screen.warn(warning)


def _speak(spec: Spec, options: Options, settings: Settings, work_dir: Path, screen: Screen) -> Narration:
    texts = [(step.id, step.narration) for step in spec.steps]
    voice = Voice(
        name=spec.settings.voice,
        speed=spec.settings.speech_speed,
        language=spec.settings.language,
        require_engine=options.require_engine,
    )
    store = RunStore.open(settings.database)
    try:
        with _client(options, settings, store, work_dir) as (client, keep), screen.stage("narration") as stage:

            def on_progress(progress: Progress) -> None:
                stage.job(progress)
                keep()

            narration = narrate(client, texts, voice, timeout_s=options.timeout_s, on_progress=on_progress)
            stage.update(1, 1, f"{len(narration.clips)} clips")
            client.clean()
    finally:
        store.close()
    for warning in narration.warnings:
        screen.warn(warning)
    spoken = sum(clip.seconds for clip in narration.clips.values())
    screen.say(f"narration: {len(narration.clips)} clips, {spoken:.1f} s, by {narration.engine}")
    return narration


@contextlib.contextmanager
def _client(
    options: Options, settings: Settings, store: RunStore, work_dir: Path
) -> Iterator[tuple[Client, Callable[[], None]]]:
    """Open the drop that the backend calls for, and yield what keeps its worker alive; `local` has one of its own."""
    if options.tts_backend not in BACKENDS:
        raise UsageError(f"unknown --tts-backend {options.tts_backend!r}; there are: {', '.join(BACKENDS)}")
    local = options.tts_backend == "local"
    drop = work_dir / "drop" if local else _shared_drop(options, settings)
    with contextlib.ExitStack() as stack:
        if local:
            init_drop(drop)
        client = Client(drop, store=store, results=settings.results, poll_s=settings.poll_s, beat_s=settings.beat_s)
        stack.callback(client.close)
        if local:
            worker = stack.enter_context(ResidentWorker(drop, work_dir / "worker.log", beat_s=settings.beat_s))
            yield client, worker.keep
        else:
            yield client, lambda: None


def _shared_drop(options: Options, settings: Settings) -> Path:
    drop = find_drop(options.drop, settings.drop, settings.home)
    if drop is None:
        raise EnvironmentNotReady(
            "no drop was found. Say where it is with --colab-drive-path or COLAB_TTS_DRIVE_PATH, or run: gpudrop init"
        )
    return drop


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
    inserts: Inserts,
    narration: Narration,
    takes: Sequence[Take],
    program: ffmpeg.Ffmpeg,
    out: Path,
    screen: Screen,
) -> Recording:
    """Cut the film, write captions and report beside it."""
    steps = _steps(spec, narration, {take.step_id: take for take in takes})
    timeline = Timeline(steps, inserts.intro, inserts.outro)
    with screen.stage("cutting") as stage:
        film = render(program, timeline, out, _render_options(spec), on_progress=lambda done: stage.update(done, 1.0))
    captions = write_captions(timeline, film.path)
    written = film.path.with_suffix(".report.json")
    report.write(written, _report(spec, narration, takes, timeline, film.path, captions, program))
    for warning in duration.finished(spec, film.seconds):
        screen.warn(warning)
    screen.say(f"film: {film.path} ({film.seconds:.1f} s)")
    return Recording(narration=narration, film=film.path, report=written)


def _steps(spec: Spec, narration: Narration, takes: Mapping[str, Take]) -> tuple[Clip, ...]:
    clips = []
    for step in spec.steps:
        take, spoken = takes[step.id], narration.clips.get(step.id)
        clip = Clip(step_id=step.id, title=step.title or step.id, take=take.path, frames=whole_frames(take.seconds))
        if spoken is not None:
            clip = replace(clip, narration=spoken.wav, words=spoken.words)
        clips.append(clip)
    return tuple(clips)


def _render_options(spec: Spec) -> RenderOptions:
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
