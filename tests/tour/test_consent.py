"""Nobody's voice is cloned without permission: it is asked for once for each recording, and the answer is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dispatcher.tour.narration import cloning
from protocol.errors import UsageError
from tests.support.sessions import RecordingScreen

ONE, OTHER = "ab" * 32, "cd" * 32


def require(book: Path, sha256: str = ONE, *, given: bool = False, answer: bool = False) -> RecordingScreen:
    screen = RecordingScreen(answer=answer)
    cloning.require_consent(Path("v.wav"), sha256, given=given, screen=screen, book=book, now=1_700_000_000)
    return screen


def test_without_an_answer_nothing_is_cloned(tmp_path):
    """The way to agree is in the error, which is a usage error: exit 2. Nothing is remembered."""
    with pytest.raises(UsageError, match=r"v\.wav is not cloned without permission: .*--voice-consent") as refused:
        require(tmp_path / "book.json")
    assert refused.value.exit_code == 2
    assert not (tmp_path / "book.json").exists()


def test_a_yes_is_remembered_for_that_recording(tmp_path):
    """Asked with the whole text, then never again; another recording is another question."""
    book = tmp_path / "data" / "book.json"
    asked = require(book, answer=True)
    assert cloning.CONSENT in asked.asked[0]
    assert json.loads(book.read_text()) == {ONE: {"wording": 1, "at": "2023-11-14T22:13:20+00:00", "how": "asked"}}
    assert require(book).asked == []
    with pytest.raises(UsageError):
        require(book, OTHER)


def test_the_flag_is_an_answer(tmp_path):
    """Scripts say it beforehand; both recordings are in the book then."""
    book = tmp_path / "book.json"
    assert require(book, given=True).asked == []
    assert require(book, OTHER, given=True).asked == []
    assert {entry["how"] for entry in json.loads(book.read_text()).values()} == {"--voice-consent"}


@pytest.mark.parametrize("content", ["", "[]", '{"' + ONE + '": 1}', '{"' + ONE + '": {"wording": 0}}', "\ud83d"])
def test_a_book_that_says_nothing_asks_again(tmp_path, content):
    """A torn book, or an answer to another wording, is none."""
    book = tmp_path / "book.json"
    book.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(UsageError):
        require(book)
    require(book, answer=True)
    assert require(book).asked == []


def test_the_documentation_has_the_same_words():
    """What the page says is what is agreed to."""
    page = Path(__file__).parents[2] / "docs" / "voice-cloning.md"
    assert cloning.CONSENT in " ".join(page.read_text(encoding="utf-8").replace("> ", "").split())
