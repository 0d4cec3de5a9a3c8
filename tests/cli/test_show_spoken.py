"""--show-spoken and the lexicons: what will be said, before anything is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dispatcher.cli import app
from protocol.errors import NotFoundError, SpecError, UsageError


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a spec with a lexicon of its own, and give the user a folder for settings."""
    monkeypatch.setenv("GPUDROP_CONFIG_DIR", str(tmp_path / "settings"))
    (tmp_path / "settings").mkdir()
    (tmp_path / "tour.json").write_text(
        json.dumps(
            {
                "settings": {"lexicon": {"nginx": "engine x"}},
                "steps": [{"id": "a", "url": "about:blank", "narration": "nginx and SQL, 3 GB [pause 1s] *fast*."}],
            }
        )
    )
    return tmp_path / "tour.json"


def shown(spec: Path, *flags: str) -> Result:
    """Ask for the preview."""
    return CliRunner().invoke(app, ["tour", str(spec), "--show-spoken", *flags])


def test_what_will_be_said_is_printed(spec: Path) -> None:
    """Word for word, with marks, and nothing is made: neither a work folder nor a clip."""
    ran = shown(spec)
    assert ran.exit_code == 0
    assert ran.stdout.splitlines()[0] == "a: engine x and SQL, three gigabytes [pause 1s] *fast.*"
    assert "GB → gigabytes" in ran.stdout
    assert sorted(path.name for path in spec.parent.iterdir()) == ["settings", "tour.json"]


@pytest.mark.parametrize(
    ("name", "text"), [("lexicon.toml", 'SQL = "sequel"\n'), ("lexicon.json", '{"SQL": "sequel", "nginx": "no"}')]
)
def test_the_users_lexicon_comes_under_the_specs(spec: Path, name: str, text: str) -> None:
    """The user's words hold for every tour; the spec's own entry wins."""
    (spec.parent / "settings" / name).write_text(text)
    assert shown(spec).stdout.startswith("a: engine x and sequel,")


def test_a_lexicon_can_be_named(spec: Path, tmp_path: Path) -> None:
    """--lexicon replaces the user's; one that is not there, or wrong, is told with its name."""
    (tmp_path / "own.toml").write_text('SQL = "S Q L"\n')
    assert shown(spec, "--lexicon", str(tmp_path / "own.toml")).stdout.startswith("a: engine x and S Q L,")
    missing = shown(spec, "--lexicon", str(tmp_path / "other.toml"))
    assert isinstance(missing.exception, NotFoundError)
    (tmp_path / "own.toml").write_text("SQL = 3\n")
    wrong = shown(spec, "--lexicon", str(tmp_path / "own.toml"))
    assert isinstance(wrong.exception, UsageError)
    assert "own.toml" in str(wrong.exception)
    assert "SQL" in str(wrong.exception)


def test_where_pages_are_does_not_matter(spec: Path) -> None:
    """Nothing is filmed, so no address has to lead anywhere; the rest of the spec still has to be right."""
    spec.write_text(json.dumps({"steps": [{"id": "a", "url": "/lab", "narration": "This is the lab."}]}))
    assert shown(spec).stdout.startswith("a: This is the lab.")
    spec.write_text(json.dumps({"steps": [{"id": "a", "url": "/lab", "narration": "x", "wrong": 1}]}))
    assert isinstance(shown(spec).exception, SpecError)


@pytest.mark.parametrize("narration", ["", "  "])
def test_a_tour_without_narration_says_so(spec: Path, narration: str) -> None:
    """Where nothing is spoken, that is what is printed."""
    spec.write_text(json.dumps({"steps": [{"id": "a", "url": "about:blank", "narration": narration}]}))
    assert shown(spec).stdout == "nothing is spoken\n"


def test_a_misspelt_pause_is_warned_of(spec: Path) -> None:
    """What was probably meant as a pause is not spoken, and the warning quotes it."""
    spec.write_text(json.dumps({"steps": [{"id": "a", "url": "/", "narration": "Hello [paus 1s] there."}]}))
    assert shown(spec).stdout.splitlines() == [
        "a: Hello there.",
        "  warning: [paus 1s] looks like a pause; did you mean [pause 1s]? It is not spoken",
    ]
