"""What does not go with the size of a source is said before anything is sent, with the exit code of wrong usage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dispatcher.operations.plan import Misfit, Plan, plan
from dispatcher.operations.sources import find
from protocol.errors import UsageError
from protocol.kinds import KINDS
from tests.support import odd_media


def planned(path: Path, raw: dict[str, Any], kind: str = "upscale") -> Plan | Misfit:
    [found] = plan(KINDS[kind], find([path]), raw)
    return found


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"width": 32}, "the source is 64x48 already; ask for more than that"),
        ({"height": 47}, "the source is 64x48 already; ask for more than that"),
        ({"width": 1024}, "64x48 would grow 16.0 times; at most 8 times is done at once"),
    ],
)
def test_a_size_that_cannot_be_is_refused_by_the_plan(tmp_path: Path, raw: dict[str, Any], words: str) -> None:
    """No worker is started for it, and the message names the file and the numbers."""
    picture = odd_media.picture(tmp_path / "small.png")
    found = planned(picture, raw)
    assert isinstance(found, Misfit)
    assert isinstance(found.error, UsageError)
    assert found.error.exit_code == 2
    assert str(found.error) == f"{picture}: {words}"


def test_a_film_is_measured_as_it_is_shown(tmp_path: Path) -> None:
    """A film that lies on its side is 48 wide, whatever is stored."""
    film = odd_media.FILMS["rotated"](tmp_path)
    assert isinstance(planned(film, {"width": 50}), Plan)
    assert isinstance(planned(film, {"height": 50}), Misfit)


def test_sizes_that_can_be_are_planned(tmp_path: Path) -> None:
    """The size of the source itself is one, and so is that of a kind without a rule."""
    picture = odd_media.picture(tmp_path / "small.png")
    assert isinstance(planned(picture, {"width": 64}), Plan)
    assert isinstance(planned(picture, {}), Plan)
    assert isinstance(planned(picture, {}, "analyze"), Plan)
