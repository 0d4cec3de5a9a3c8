"""What is shown of new narration, and what is asked."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.cli.tour_display import check_can_ask, review
from protocol.errors import UsageError
from tests.support import specs

CHANGED = (("a", "so we open", "We open"), ("b", "it's \x1b[31mred", "It’s red"))


def asked(monkeypatch: pytest.MonkeyPatch, *answers: str, terminal: bool = True) -> tuple[frozenset[str], str]:
    """Review with these answers; return what was accepted and what was shown."""
    given = iter(answers)
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: next(given))
    shown = io.StringIO()
    colours = "standard" if terminal else None
    console = Console(file=shown, force_terminal=terminal, width=100, highlight=False, color_system=colours)
    return review(console, CHANGED, "rules 1", yes=False), shown.getvalue()


@pytest.mark.parametrize(
    ("answers", "accepted"),
    [("y", "ab"), ("n", ""), ("e y n", "a"), ("e n y", "b"), ("? maybe yes", "ab"), ("e ? y y", "ab")],
)
def test_all_none_or_each(answers: str, accepted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives no answer that there is, is asked again."""
    assert asked(monkeypatch, *answers.split())[0] == frozenset(accepted)


def test_changes_are_coloured_where_that_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal by colour, elsewhere and with NO_COLOR by marks; a text steers neither."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    _, coloured = asked(monkeypatch, "n")
    assert "\x1b[9;31mso we\x1b[0m" in coloured
    assert "\x1b[31mred" not in coloured
    _, plain = asked(monkeypatch, "n", terminal=False)
    assert "a: [-so we-]{+We+} open" in plain
    assert "\x1b" not in plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert "[-so we-]{+We+} open" in asked(monkeypatch, "n")[1]


def test_yes_is_shown_and_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changes unseen."""
    shown = io.StringIO()
    assert review(Console(file=shown, width=100), CHANGED, "rules 1", yes=True) == {"a", "b"}
    assert "proposed by rules 1" in shown.getvalue()
    assert "{+We+}" in shown.getvalue()


@pytest.mark.parametrize("flags", [[], ["--json"], ["--dry-run", "--quiet"], ["--show-spoken"]])
def test_where_nobody_can_be_asked_it_is_refused(flags: list[str], tmp_path: Path) -> None:
    """Before anything is done, with the hint."""
    spec = specs.write(tmp_path, specs.whole(specs.demo(), deck=None))
    ran = CliRunner().invoke(app, ["tour", str(spec), "--enhance", *flags])
    assert isinstance(ran.exception, UsageError)
    assert "add --yes" in str(ran.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["tour.json"]


@pytest.mark.parametrize("flags", [["--yes"], ["--glossary", "a"], ["--enhanced-spec", "new.json"]])
def test_what_belongs_to_enhance_is_nothing_without_it(flags: list[str], tmp_path: Path) -> None:
    """Whoever forgot --enhance is told before anything is filmed."""
    spec = specs.write(tmp_path, specs.whole(specs.demo(), deck=None))
    ran = CliRunner().invoke(app, ["tour", str(spec), *flags])
    assert isinstance(ran.exception, UsageError)
    assert flags[0] in str(ran.exception)


def test_json_asks_nobody_even_in_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads events is a program."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    check_can_ask(enhance=True, yes=False, as_json=False)
    check_can_ask(enhance=False, yes=False, as_json=True)
    with pytest.raises(UsageError, match="--json does not ask"):
        check_can_ask(enhance=True, yes=False, as_json=True)
