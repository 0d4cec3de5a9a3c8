"""A few hundred inputs for each fuzz target; `python -m tests.fuzz` feeds them for as long as you like."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import codec as production
from protocol.errors import BadMessage
from tests.fuzz import codec, results
from tests.fuzz.__main__ import TARGETS, fuzz
from tests.fuzz.mutation import Mutator
from tests.support import hostile

INPUTS = {"codec": 400, "results": 250}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("seed", [1, 2])
def test_changed_inputs_are_stood(name: str, seed: int) -> None:
    """The corpus as it is, then changed at random by this seed: every promise of the target holds."""
    module = TARGETS[name]
    for data in (*(module.CORPUS if seed == 1 else ()), *islice(_inputs(module, seed), INPUTS[name])):
        module.target(data)


@pytest.mark.parametrize("what", hostile.JSON)
def test_hostile_bytes_are_stood(what: str) -> None:
    """What was made to hurt is stood too, with errors that are no longer than a page."""
    codec.target(hostile.JSON[what])


@given(st.binary(max_size=200))
@example(b"")
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_stood(data: bytes) -> None:
    """Bytes that nobody thought of."""
    codec.target(data)
    results.target(data)


def test_the_inputs_get_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some inputs parse and some results are taken, others not; the same seed makes the same."""
    made = list(islice(_inputs(codec, 3), 200))
    assert made == list(islice(_inputs(codec, 3), 200))
    assert 20 < sum(_parses(data) for data in made) < 180
    taken = []
    monkeypatch.setattr(results, "_check_taken", lambda *found: taken.append(found))
    for data in islice(_inputs(results, 3), 200):
        results.target(data)
    assert 20 < len(taken) < 180


def _inputs(module: Any, seed: int) -> Iterator[bytes]:
    return Mutator(module.CORPUS, seed, module.KEPT).inputs()


def _parses(data: bytes) -> bool:
    try:
        production.loads(data)
    except BadMessage:
        return False
    return True


def test_a_defect_is_found_and_kept(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """An acceptance that forgets to compare hashes is noticed, and the input can be run again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("protocol.integrity._misfit", lambda target, file: None)
    assert not fuzz("results", 60, 1)
    assert "again: python -m tests.fuzz results --again fuzz-results-" in capsys.readouterr().err
    assert len(list(tmp_path.glob("fuzz-results-*.bin"))) == 1
