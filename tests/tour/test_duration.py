"""A video's length, foretold: by its text, by its narration, and what is said of it before anything is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.assembly.timeline import ENDING_FRAMES, FPS
from dispatcher.tour.output import duration
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.steps import TAIL_S
from protocol.errors import SpecError


def spec(*steps: dict[str, Any], **meta: float) -> Spec:
    """Return a spec of these steps."""
    made = [{"id": f"s{n}", "url": "about:blank", **step} for n, step in enumerate(steps)]
    return Spec.model_validate({"meta": meta, "steps": made})


def test_a_step_lasts_as_its_narration_or_its_actions() -> None:
    """The longer of both, the tail and whole frames; actions count only as far as their time is known."""
    pause = {"type": "pause", "seconds": 4}
    typed = {"type": "type_text", "text": "x" * 11, "delay_ms": 100}
    made = spec({"narration": "a"}, {"narration": "b", "actions": [pause, typed]}, {"scroll": {"pause_at_bottom": 2}})
    forecast = duration.estimate_from_narration(made, {"s0": 3.0, "s1": 2.0}, insert_frames=45)
    assert forecast.steps["s0"] == pytest.approx(3 + TAIL_S, abs=1 / FPS)
    assert forecast.steps["s1"] == pytest.approx(4 + 1 + TAIL_S, abs=1 / FPS)
    assert forecast.steps["s2"] == pytest.approx(2 + TAIL_S, abs=1 / FPS)
    assert forecast.seconds == pytest.approx(sum(forecast.steps.values()) + 1.5 + ENDING_FRAMES / FPS)


def test_a_timed_highlight_takes_its_time() -> None:
    """Without a time it lasts to the end of the step, and takes none of its own."""
    lit = {"type": "highlight_lines", "lines": 1}
    made = spec({"actions": [lit | {"seconds": 6}]}, {"actions": [lit]})
    assert [duration.actions_s(step) for step in made.steps] == [6, 0]


@pytest.mark.parametrize(
    ("text", "language", "speed", "seconds"),
    [
        ("word " * 180, "en-us", 1, 60),
        ("word " * 180, "en-us", 2, 30),
        ("Wort " * 155, "de", 1, 60),
        ("字" * 260, "zh-cn", 1, 60),
        ("slovo " * 160, "cs", 1, 60),
        ("", "en-us", 1, 0),
    ],
)
def test_text_takes_its_time(text: str, language: str, speed: float, seconds: float) -> None:
    """Words a minute by language, characters where there are no spaces, and faster at a higher speed."""
    assert duration.spoken_s(text, language, speed) == pytest.approx(seconds)


def test_too_long_is_an_error_that_says_what_must_go() -> None:
    """The error names the field, how much is too much, and the longest steps first."""
    made = spec({}, {}, {}, {}, max_duration_seconds=10)
    forecast = duration.estimate_from_narration(made, {"s0": 1, "s1": 5, "s2": 4, "s3": 2}, insert_frames=30)
    with pytest.raises(SpecError) as told:
        duration.check(made, forecast)
    assert told.value.exit_code == 5
    assert "$.meta.max_duration_seconds" in str(told.value)
    assert "15.5 s, but at most 10 s are allowed: shorten it by 5.5 s" in str(told.value)
    assert "s1 5.5 s, s2 4.5 s, s3 2.5 s; intro and outro 1.0 s" in str(told.value)


def test_an_estimate_warns_and_stops_nothing() -> None:
    """By its text alone a video that seems too long is a warning; the target stands beside the estimate."""
    made = spec({"narration": "word " * 360}, max_duration_seconds=60, target_duration_seconds=50)
    assert duration.estimate_from_text(made).seconds == pytest.approx(121)
    told, (warning,) = duration.describe_estimate(made, duration.estimate_from_text(made))
    assert told == "judging by the text, the video will last about 121 s; meta.target_duration_seconds is 50 s"
    assert "shorten it by 61.0 s" in warning
    assert (
        duration.describe_estimate(
            spec({"narration": "short"}), duration.estimate_from_text(spec({"narration": "short"}))
        )[1]
        == []
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(111, "11% longer"), (109, None), (91, None), (73, "27% shorter"), (100, None)]
)
def test_off_target_is_a_warning_with_the_figure(seconds: float, words: str | None) -> None:
    """More than a tenth away from the target is said; nearer is not."""
    told = duration.check(spec({}, target_duration_seconds=100), duration.DurationEstimate(steps={"s0": seconds}))
    assert len(told) == (words is not None)
    assert not told or words in told[0]


def test_a_film_that_became_too_long_is_said() -> None:
    """Actions may take longer than anyone could know: that is said when the video is there."""
    made = spec({}, max_duration_seconds=10)
    assert duration.final_warnings(made, 10.0) == []
    assert "12.5 s, more than" in duration.final_warnings(made, 12.5)[0]


def test_a_target_beyond_the_maximum_is_a_mistake() -> None:
    """Both fields are named."""
    with pytest.raises(ValueError, match="target_duration_seconds 20 is more than max_duration_seconds 10"):
        spec({}, target_duration_seconds=20, max_duration_seconds=10)
