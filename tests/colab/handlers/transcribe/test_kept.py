"""Checkpoints come from the drop: what is not exactly right is not used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from colab.handlers.transcribe import kept
from colab.handlers.transcribe.engine import HeardUtterance, HeardWord, Language

RATE = 16_000
SAID = HeardUtterance(
    start_s=0.5,
    end_s=1.5,
    text="we are",
    words=(
        HeardWord(text="we", start_s=0.5, end_s=1.0, score=0.25),
        HeardWord(text="are", start_s=1.0, end_s=1.5, spaced=False),
    ),
)


def checkpoint(folder: Path, number: int, start: int, end: int, *said: HeardUtterance) -> tuple[str, Path]:
    path = folder / f"{number:05}.json"
    kept.write(path, start, end, Language(code="en", probability=0.5), said)
    return kept.path_of(number), path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Word for word, in the order of the sound, up to where it was heard."""
    later = HeardUtterance(start_s=2.5, end_s=2.75, text="here")
    second, first = checkpoint(tmp_path, 1, 2 * RATE, 3 * RATE, later), checkpoint(tmp_path, 0, 0, 2 * RATE, SAID)
    assert kept.read([second, first]) == kept.ResumedTranscript(
        end=3 * RATE, language=Language(code="en", probability=0.5), utterances=(SAID, later), next_number=2
    )


def test_after_a_gap_nothing_is_used(tmp_path: Path) -> None:
    """The number of the next one is beyond all that are there."""
    heard = kept.read([checkpoint(tmp_path, 0, 0, 2 * RATE, SAID), checkpoint(tmp_path, 5, 3 * RATE, 4 * RATE)])
    assert (heard.end, heard.next_number) == (2 * RATE, 6)


HURT: dict[str, Any] = {
    "another version": {"v": 2},
    "a language that there is not": {"language": "xx"},
    "an end before its start": {"end": 0},
    "an end beyond any sound": {"end": 10**12},
    "a fraction of a sample": {"end": 1.5},
    "a surer than sure": {"probability": 2},
    "a stray key": {"path": "/etc/passwd"},
    "times beyond its part": {"utterances": [[0.5, 99.0, "we", []]]},
    "times that go back": {"utterances": [[1.0, 0.5, "we", []]]},
    "a word that is none": {"utterances": [[0.5, 1.5, "we", [["we", 0.5, 1.0, 1, 1]]]]},
    "times in words": {"utterances": [["0.5", 1.5, "we", []]]},
    "no text": {"utterances": [[0.5, 1.5, "", []]]},
}


@pytest.mark.parametrize("change", HURT.values(), ids=HURT)
def test_what_is_not_right_is_heard_again(tmp_path: Path, change: dict[str, Any]) -> None:
    """One value is enough."""
    name, path = checkpoint(tmp_path, 0, 0, 2 * RATE, SAID)
    assert kept.read([(name, path)]).end == 2 * RATE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert kept.read([(name, path)]) == kept.ResumedTranscript(next_number=1)


@pytest.mark.parametrize("content", [b"", b"\0\xff", b"[]", b'{"v":1}', b"[" * 10_000])
def test_what_is_no_checkpoint_is_heard_again(tmp_path: Path, content: bytes) -> None:
    """Whatever lies there under its name."""
    path = tmp_path / "any"
    path.write_bytes(content)
    assert kept.read([(kept.path_of(3), path), ("checkpoints/abc.json", path)]) == kept.ResumedTranscript(next_number=4)
