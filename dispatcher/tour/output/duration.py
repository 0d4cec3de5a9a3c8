"""How long a video will be: estimated from the text, then from the narration, always before anything is recorded.

Both are lower bounds: slow pages and clicks add to them. The one from the text also depends on the rate of speech.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dispatcher.assembly.timeline import ENDING_FRAMES, FPS, whole_frames
from dispatcher.tour.slides import timing
from dispatcher.tour.spec import script
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.steps import TAIL_S, TourStep
from protocol.errors import SpecError

WORDS_A_MINUTE: Mapping[str, int] = {"en": 180, "de": 155, "fr": 190, "es": 170, "it": 165, "pt": 170, "hi": 165}
CHARACTERS_A_MINUTE: Mapping[str, int] = {"zh": 260, "cmn": 260, "yue": 260, "ja": 390, "ko": 330, "th": 800}
"""Rates of speech at speed 1: words a minute, and characters a minute for languages without spaces between words.

Rounded figures between calm narrators (165 words a minute in English) and espeak (200); voices differ by up to 25 %.
"""

OTHER_WORDS_A_MINUTE = 160
FAR_OFF = 0.1
LONGEST = 3


@dataclass(frozen=True, kw_only=True)
class DurationEstimate:
    """How long each step and the whole video will last at least, in seconds."""

    steps: Mapping[str, float]
    inserts: float = 0.0
    ending: float = 0.0

    @property
    def seconds(self) -> float:
        """Return how long the video will be."""
        return sum(self.steps.values()) + self.inserts + self.ending


def estimate_from_text(spec: Spec, *, insert_frames: int = 0) -> DurationEstimate:
    """Estimate the length before anything is spoken."""
    settings = spec.settings
    spoken = {
        step.id: spoken_s(script.plain(step.narration), settings.language, settings.speech_speed)
        + script.pauses_s(step.narration)
        for step in spec.steps
    }
    return estimate_from_narration(spec, spoken, insert_frames=insert_frames)


def estimate_from_narration(spec: Spec, spoken_s: Mapping[str, float], *, insert_frames: int = 0) -> DurationEstimate:
    """Estimate the length from that of each step's narration; a step without narration may be missing."""
    seconds = {step.id: _step_s(spec, step, spoken_s.get(step.id, 0.0)) for step in spec.steps}
    whole = {step: whole_frames(lasts) / FPS for step, lasts in seconds.items()}
    ending = 0.0 if spec.output.outro_clip is not None else ENDING_FRAMES / FPS
    return DurationEstimate(steps=whole, inserts=insert_frames / FPS, ending=ending)


def _step_s(spec: Spec, step: TourStep, narration_s: float) -> float:
    slides_s = 0.0
    if step.show is not None and spec.slides is not None:
        slides_s = timing.least(len(step.show.numbers(spec.slides.content)), step.show.advance_interval)
    return max(max(narration_s, actions_s(step), slides_s) + TAIL_S, step.least_s)


def spoken_s(text: str, language: str, speed: float = 1.0) -> float:
    """Return roughly how long a text takes to speak."""
    language_code = language.casefold().replace("_", "-").split("-")[0]
    if (characters := CHARACTERS_A_MINUTE.get(language_code)) is not None:
        return 60 * len("".join(text.split())) / characters / speed
    return 60 * len(text.split()) / WORDS_A_MINUTE.get(language_code, OTHER_WORDS_A_MINUTE) / speed


def actions_s(step: TourStep) -> float:
    """Return how long a step's actions take at least."""
    scroll = step.scroll.pause_at_bottom if step.scroll else 0.0
    return scroll + sum(action.least_s for action in step.actions)


def check(spec: Spec, estimate: DurationEstimate) -> list[str]:
    """Return warnings about the length of a video before it is made. Raises SpecError if it exceeds the maximum."""
    most = spec.meta.max_duration_seconds
    if most is not None and estimate.seconds > most:
        raise SpecError(str(spec.source), [f"$.meta.max_duration_seconds: {_too_long(estimate, most)}"])
    return _off_target(spec, estimate.seconds)


def describe_estimate(spec: Spec, estimate: DurationEstimate) -> tuple[str, list[str]]:
    """Return the message for an estimate from the text, and its warnings; it is too uncertain for an error."""
    target, most = spec.meta.target_duration_seconds, spec.meta.max_duration_seconds
    goal = f"; meta.target_duration_seconds is {target:g} s" if target is not None else ""
    text = f"judging by the text, the video will last about {estimate.seconds:.0f} s{goal}"
    return text, [f"judging by the text, {_too_long(estimate, most)}"] if most and estimate.seconds > most else []


def final_warnings(spec: Spec, seconds: float) -> list[str]:
    """Return a warning if the finished video exceeds its maximum, although the narration does not."""
    most = spec.meta.max_duration_seconds
    if most is None or seconds <= most:
        return []
    return [
        f"the video lasts {seconds:.1f} s, more than meta.max_duration_seconds ({most:g} s): its actions took longer"
    ]


def _too_long(estimate: DurationEstimate, most: float) -> str:
    steps = sorted(estimate.steps.items(), key=lambda step: -step[1])[:LONGEST]
    longest = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in steps)
    inserts = f"; intro and outro {estimate.inserts:.1f} s" if estimate.inserts else ""
    return (
        f"the video will last {estimate.seconds:.1f} s, but at most {most:g} s are allowed: shorten it by "
        f"{estimate.seconds - most:.1f} s. "
        f"The longest steps: {longest}{inserts}"
    )


def _off_target(spec: Spec, seconds: float) -> list[str]:
    target = spec.meta.target_duration_seconds
    if target is None or abs(seconds - target) <= FAR_OFF * target:
        return []
    more = f"{abs(seconds / target - 1):.0%} {'longer' if seconds > target else 'shorter'}"
    return [f"the video will last {seconds:.1f} s, {more} than meta.target_duration_seconds ({target:g} s)"]
