"""How long a film will be: foretold from the text, then from the narration, always before anything is filmed.

Both are lower bounds: pages that load slowly, and clicks, add to them. From the text it is an estimate besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dispatcher.assembly.timeline import ENDING_FRAMES, FPS, whole_frames
from dispatcher.tour import script
from dispatcher.tour.action_parts import Action, HighlightLines, Pause, ScrollAction, TypeText
from dispatcher.tour.slides import timing
from dispatcher.tour.spec import Spec
from dispatcher.tour.steps import TAIL_S, Step
from dispatcher.tour.typing_pace import bursts
from protocol.errors import SpecError

WORDS_A_MINUTE: Mapping[str, int] = {"en": 180, "de": 155, "fr": 190, "es": 170, "it": 165, "pt": 170, "hi": 165}
CHARACTERS_A_MINUTE: Mapping[str, int] = {"zh": 260, "cmn": 260, "yue": 260, "ja": 390, "ko": 330, "th": 800}
"""How fast a text is read at speed 1: words, and characters where words are not set apart by spaces.

Round figures between calm narrators (165 words a minute in English) and espeak (200): a voice may differ by a quarter.
"""

OTHER_WORDS_A_MINUTE = 160
FAR_OFF = 0.1
LONGEST = 3


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """How long each step and the whole film will last at least, in seconds."""

    steps: Mapping[str, float]
    inserts: float = 0.0
    ending: float = 0.0

    @property
    def seconds(self) -> float:
        """Return how long the film will be."""
        return sum(self.steps.values()) + self.inserts + self.ending


def from_text(spec: Spec, *, insert_frames: int = 0) -> Forecast:
    """Foretell the film before a word is spoken."""
    settings = spec.settings
    spoken = {
        step.id: spoken_s(script.plain(step.narration), settings.language, settings.speech_speed)
        + script.pauses_s(step.narration)
        for step in spec.steps
    }
    return from_narration(spec, spoken, insert_frames=insert_frames)


def from_narration(spec: Spec, spoken_s: Mapping[str, float], *, insert_frames: int = 0) -> Forecast:
    """Foretell the film from how long each step's narration lasts; a step without narration has none."""
    seconds = {step.id: _step_s(spec, step, spoken_s.get(step.id, 0.0)) for step in spec.steps}
    whole = {step: whole_frames(lasts) / FPS for step, lasts in seconds.items()}
    ending = 0.0 if spec.output.outro_clip is not None else ENDING_FRAMES / FPS
    return Forecast(steps=whole, inserts=insert_frames / FPS, ending=ending)


def _step_s(spec: Spec, step: Step, said_s: float) -> float:
    shown_s = 0.0
    if step.show is not None and spec.slides is not None:
        shown_s = timing.least(len(step.show.numbers(spec.slides.content)), step.show.advance_interval)
    return max(max(said_s, acting_s(step), shown_s) + TAIL_S, step.least_s)


def spoken_s(text: str, language: str, speed: float = 1.0) -> float:
    """Return about how long a text takes to be spoken."""
    tongue = language.casefold().replace("_", "-").split("-")[0]
    if (characters := CHARACTERS_A_MINUTE.get(tongue)) is not None:
        return 60 * len("".join(text.split())) / characters / speed
    return 60 * len(text.split()) / WORDS_A_MINUTE.get(tongue, OTHER_WORDS_A_MINUTE) / speed


def acting_s(step: Step) -> float:
    """Return how long a step's actions take at least."""
    scroll = step.scroll.pause_at_bottom if step.scroll else 0.0
    return scroll + sum(action_s(action) for action in step.actions)


def action_s(action: Action) -> float:
    """Return how many seconds an action takes at least."""
    match action:
        case Pause():
            return action.seconds
        case TypeText():
            delay = None if action.delay_ms is None else action.delay_ms / 1000
            return bursts(action.text, delay)[-1][1] if action.text else 0.0
        case ScrollAction():
            return action.pause_at_bottom
        case HighlightLines():
            return action.seconds or 0.0
    return 0.0


def check(spec: Spec, forecast: Forecast) -> list[str]:
    """Return what is to be said of a film's length before it is made; more than its maximum raises SpecError."""
    most = spec.meta.max_duration_seconds
    if most is not None and forecast.seconds > most:
        raise SpecError(str(spec.source), [f"$.meta.max_duration_seconds: {_too_long(forecast, most)}"])
    return _off_target(spec, forecast.seconds)


def foretold(spec: Spec, forecast: Forecast) -> tuple[str, list[str]]:
    """Return what is to be said of an estimate, and what to warn of; it may be wrong, so it stops nothing."""
    target, most = spec.meta.target_duration_seconds, spec.meta.max_duration_seconds
    wanted = f"; meta.target_duration_seconds is {target:g} s" if target is not None else ""
    told = f"by its text the film will last about {forecast.seconds:.0f} s{wanted}"
    return told, [f"by its text, {_too_long(forecast, most)}"] if most and forecast.seconds > most else []


def finished(spec: Spec, seconds: float) -> list[str]:
    """Return what is to be said of a film that is longer than it may be, although its narration is not."""
    most = spec.meta.max_duration_seconds
    if most is None or seconds <= most:
        return []
    return [
        f"the film lasts {seconds:.1f} s, more than meta.max_duration_seconds ({most:g} s): its actions took longer"
    ]


def _too_long(forecast: Forecast, most: float) -> str:
    steps = sorted(forecast.steps.items(), key=lambda step: -step[1])[:LONGEST]
    longest = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in steps)
    inserts = f"; intro and outro {forecast.inserts:.1f} s" if forecast.inserts else ""
    return (
        f"the film will last {forecast.seconds:.1f} s of {most:g} s at most: {forecast.seconds - most:.1f} s must go. "
        f"The longest steps: {longest}{inserts}"
    )


def _off_target(spec: Spec, seconds: float) -> list[str]:
    target = spec.meta.target_duration_seconds
    if target is None or abs(seconds - target) <= FAR_OFF * target:
        return []
    more = f"{abs(seconds / target - 1):.0%} {'longer' if seconds > target else 'shorter'}"
    return [f"the film will last {seconds:.1f} s, {more} than meta.target_duration_seconds ({target:g} s)"]
