"""From a spec to its narration: what is kept, and what a backend speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.jobs import Progress
from dispatcher.tour import script
from dispatcher.tour.clip_cache import ClipCache
from dispatcher.tour.narration import Narration, Voice, narrate, put_beside
from dispatcher.tour.options import Options
from dispatcher.tour.screen import Screen
from dispatcher.tour.speakers import open_speakers
from dispatcher.tour.spec import Spec, load


def spoken_text(spec_path: Path, options: Options) -> str:
    """Return what would be said of each step, word for word. Nothing is spoken, and no worker is needed."""
    return spoken_text_of(load(spec_path, base_url=options.base_url), options)


def spoken_text_of(spec: Spec, options: Options) -> str:
    """Return the same of a spec that is loaded."""
    entries = script.whole_lexicon(spec.settings.lexicon, options.lexicon)
    steps = [(step.id, step.narration) for step in spec.steps]
    return script.show_spoken(steps, spec.settings.language, entries)


def speak(spec: Spec, options: Options, settings: Settings, work_dir: Path, screen: Screen) -> Narration:
    """Return the narration of a tour, its clips copied into the work folder, and say what must be said of it."""
    texts = [(step.id, step.narration) for step in spec.steps]
    voice = Voice(
        name=spec.settings.voice,
        speed=spec.settings.speech_speed,
        language=spec.settings.language,
        require_engine=options.require_engine,
        lexicon=script.whole_lexicon(spec.settings.lexicon, options.lexicon),
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
