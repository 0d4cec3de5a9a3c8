"""Several tests at once: what films never does so beside another that films."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.lines import Lines


def lines(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Lines:
    monkeypatch.setattr("xdist.scheduler.loadscope.parse_tx_spec_config", lambda config: ["popen"] * 3)
    return Lines(pytestconfig)


def test_all_that_film_are_one_line(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever folder they lie in; other files are a line each."""
    made = lines(pytestconfig, monkeypatch)
    line: Any = made._split_scope
    assert line("tests/browser/test_tour.py::test_a[1]") == line("tests/examples/test_films.py::test_b") == "films"
    assert line("tests/browser/test_deck.py::test_a") == "tests/browser/test_deck.py"
