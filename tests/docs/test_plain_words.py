"""The words of the glossary are used: retired ones appear nowhere, in names, docstrings, messages or documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EVERYWHERE = (
    "protocol", "dispatcher", "colab", "media", "speech", "simulator", "tests", "benchmarks", "examples", "docs",
    "setup", "usertext",
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "gpudrop_start.py", "record_tour.py",
)  # fmt: skip
SUFFIXES = frozenset([".py", ".md", ".html", ".js", ".css", ".toml", ".ipynb", ".sh"])
NOT_READ = {
    "docs/GLOSSARY.md",  # names the retired words
    "tests/docs/test_plain_words.py",
}


@dataclass(frozen=True)
class Retired:
    """A word or phrase that is not used any more, what to write instead, and where that is enforced."""

    pattern: str
    instead: str
    within: tuple[str, ...] = EVERYWHERE
    allowed: tuple[str, ...] = ()
    """Files in which it may stand, because it is a name on the wire or means something else there."""


REWORDED = ("media", "speech",
            "docs/why", "docs/GLOSSARY.md", "docs/ARCHITECTURE.md", "docs/dashboard.md", "docs/simulator.md",
            "docs/shared-folders.md", "README.md", "CONTRIBUTING.md", "SECURITY.md")  # fmt: skip
RETIRED = (
    Retired(r"\b[Cc]ure(s|d|_of)?\b", "hint"),
    Retired(r"\b(with|and|or) the cure\b", "with a hint"),
    Retired(r"\bAttendance\b", "RunLease"),
    Retired(r"\bWorkforce\b", "WorkerRegistry"),
    Retired(r"\bWeighing\b", "FailurePolicy"),
    Retired(r"\bVerdict\b", "RunFinisher"),
    Retired(r"\bseal_of\b", "checksum_of"),
    Retired(r"(?i)\bno run fits\b", "no matching runs"),
    Retired(r"(?i)\bthe local hope of a result\b", "client-side handle to a submitted job"),
    Retired(r"(?i)\bso many at most\b", "at most N"),
    Retired(r"(?i)\bdid not come about\b", "timed out after"),
    Retired(r"(?i)\bnothing does not fit\b", "no inconsistencies found"),
    Retired(r"(?i)\banew\b", "again; force", REWORDED),
    Retired(r"(?i)\bfor ever\b", "forever", REWORDED),
    Retired(r"(?i)\bso many\b", "the number", REWORDED),
    Retired(r"(?i)\btaken for\b", "treated as; mistaken for"),
    Retired(r"(?i)\bcomes? about\b", "happens; timed out after"),
    Retired(r"(?i)\bstands? twice\b", "duplicate"),
    Retired(r"(?i)\bpays no heed\b", "ignores"),
    Retired(r"(?i)\bis not remembered\b", "could not be recorded"),
    Retired(r"\bBelongings\b", "RunExtras"),
    Retired(r"\bLookout\b", "DropWatcher"),
    Retired(r"\bclass Desk\b", "the object's real role"),
    Retired(r"(?i)(?<!there )\bis no (film|picture|sound|media|file|program|whole)\b", "is not a …", REWORDED),
    Retired(r"(?i)\b(key )?pictures? (a|per) second\b", "frames per second", REWORDED),
    Retired(r"(?i)\bkey pictures?\b", "key frames", REWORDED),
    Retired(r"(?<![\"'])\bfilms?\b(?![\"'])", "video", ("media",)),
)


def _files(root: Path, places: tuple[str, ...]) -> Iterator[Path]:
    for place in places:
        start = root / place
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            if path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                yield path


def _uses(retired: Retired, root: Path = ROOT) -> Iterator[str]:
    pattern = re.compile(retired.pattern)
    for path in _files(root, retired.within):
        name = path.relative_to(root).as_posix()
        if name in NOT_READ or name in retired.allowed:
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if found := pattern.search(line):
                yield f"{name}:{number}: {found[0]!r}: write {retired.instead}"


@pytest.mark.parametrize("retired", RETIRED, ids=lambda retired: retired.pattern)
def test_a_retired_word_is_gone(retired: Retired) -> None:
    """No line of code or documentation uses it; the message names the line and the word to write."""
    assert list(_uses(retired)) == []


def test_a_retired_word_would_be_found(tmp_path: Path) -> None:
    """Names, docstrings and pages are read; words that merely contain a retired one are left alone."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("# The cure\n")
    (tmp_path / "code.py").write_text('"""Cures it."""\nprocure = 2\n')
    found = list(_uses(Retired(r"\b[Cc]ures?\b", "hint", ("docs", "code.py")), tmp_path))
    assert found == ["docs/page.md:1: 'cure': write hint", "code.py:1: 'Cures': write hint"]


def test_allowed_files_exist() -> None:
    """An exception for a file that was moved or deleted is removed with it."""
    names = {*NOT_READ, *(name for retired in RETIRED for name in (*retired.within, *retired.allowed))}
    assert [name for name in sorted(names) if not (ROOT / name).exists()] == []
