"""The actions and assertions of a spec: each has one model, one function, and traits that the recorder can rely on."""

from __future__ import annotations

import pytest

from dispatcher.tour.actions.assertions import CHECKS
from dispatcher.tour.actions.perform import PERFORMERS
from dispatcher.tour.recording.playing import leading
from dispatcher.tour.spec.action_types import ACTIONS, ASSERTIONS
from tests.support.specs import action


def test_every_model_has_a_function() -> None:
    """A new action is a model in its union and a line in the table of functions; there is no other list."""
    assert set(PERFORMERS) == set(ACTIONS.values())
    assert set(CHECKS) == set(ASSERTIONS.values())


def test_the_table_has_the_types_that_the_models_name() -> None:
    """The key of a model is the value of its `type`, and no two models share one."""
    assert {name: model.model_fields["type"].annotation.__args__ for name, model in ACTIONS.items()} == {
        name: (name,) for name in ACTIONS
    }
    assert len(ACTIONS) == 26
    assert list(ASSERTIONS) == ["url_contains", "title_contains", "element_visible"]


@pytest.mark.parametrize(
    ("kind", "fields", "seconds"),
    [
        ("pause", {"seconds": 4}, 4),
        ("type_text", {"text": "x" * 11, "delay_ms": 100}, 1),
        ("type_text", {"text": ""}, 0),
        ("scroll", {"pause_at_bottom": 2}, 2),
        ("highlight_lines", {"lines": 1, "seconds": 6}, 6),
        ("highlight_lines", {"lines": 1}, 0),
        ("click_selector", {"selector": "#a"}, 0),
    ],
)
def test_the_least_time_of_an_action(kind: str, fields: dict[str, object], seconds: float) -> None:
    """It is known for pauses, typing and timed highlights; everything else may be immediate."""
    assert action(kind, **fields).least_s == pytest.approx(seconds)


def test_actions_that_belong_to_opening_a_page() -> None:
    """Only those at the start, and only those with the trait, are done off camera."""
    actions = [action("dialog"), action("wait_for_load"), action("pause", seconds=1), action("wait_for_load")]
    assert leading(actions, "prepares") == 1
    assert leading(actions, "waits", 1) == 2
    assert leading(actions[:2], "waits", 1) == 2
    assert leading([], "waits") == 0
