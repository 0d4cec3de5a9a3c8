"""Of a folder only what is called a text is written anew; what is named by itself is, whatever it is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from dispatcher.cli.kinds import command_of
from dispatcher.operations.plan import Misfit, Plan, plan
from dispatcher.operations.sources import find
from protocol.kinds import KINDS

ENHANCE = KINDS["enhance"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder as people have them: two texts, programs, tables, pages, captions and a sound."""
    folder = tmp_path / "project"
    (folder / "docs").mkdir(parents=True)
    for name in (
        "script.txt",
        "docs/Read.MD",
        "kinds.sh",
        "pyproject.toml",
        "x.json",
        "i.html",
        "talk.srt",
        "Makefile",
    ):
        (folder / name).write_text("so, um, we click on the button")
    (folder / "jfk.flac").write_bytes(b"fLaC\0\0\0\xff\xfe")
    return folder


def look(*names: Path) -> tuple[dict[str, Plan], list[Misfit]]:
    found = list(plan(ENHANCE, find(names), {}))
    plans = {each.source.path.name: each for each in found if isinstance(each, Plan)}
    return plans, [each for each in found if isinstance(each, Misfit)]


def test_of_a_folder_only_texts_are_taken(project: Path) -> None:
    """All others are left alone, and none of them is an error: nobody asked for them."""
    plans, others = look(project)
    assert set(plans) == {"script.txt", "Read.MD"}
    assert len(others) == 7
    assert all(each.may_be_skipped for each in others)


def test_a_text_that_cannot_be_read_is_told(project: Path) -> None:
    """As a broken film is: it would be missed."""
    (project / "letter.txt").write_bytes("Grüße".encode("latin-1"))
    _, others = look(project)
    assert [each.source.path.name for each in others if not each.may_be_skipped] == ["letter.txt"]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("script.txt", "script.enhanced.txt"),
        ("docs/Read.MD", "Read.enhanced.md"),
        ("kinds.sh", "kinds.enhanced.txt"),
        ("talk.srt", "talk.enhanced.txt"),
        ("Makefile", "Makefile.enhanced.txt"),
    ],
)
def test_what_is_named_is_taken_and_a_text_keeps_its_ending(project: Path, name: str, made: str) -> None:
    """A program that was written anew is none any more, and captions lose what they are: neither is called so."""
    plans, others = look(project / name)
    assert not others
    [planned] = plans.values()
    assert made in planned.names.values()
    assert ("format" in planned.job.params) == made.endswith(".md")


def told(*arguments: str | Path) -> dict[str, Any]:
    app = typer.Typer()
    app.command()(command_of(ENHANCE))
    done = CliRunner().invoke(app, [*map(str, arguments), "--dry-run", "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_what_was_made_of_a_text_is_no_source(project: Path) -> None:
    """A second command finds the same two files."""
    (project / "docs" / "Read.enhanced.md").write_text("We click the button.")
    (project / "script.enhanced.txt").write_text("We click the button.")
    again = told(project)
    assert [Path(each["source"]).name for each in again["planned"]] == ["Read.MD", "script.txt"]
    assert len(again["left_alone"]) == 9
    assert again["failed"] == []
    chosen = told(project / "docs" / "Read.MD", "--format", "txt")
    assert [Path(file).name for file in chosen["planned"][0]["files"]] == ["Read.enhanced.txt", "Read.enhanced.json"]
