"""Help at 80 columns, of every command: whole option names, no types where there is nothing to give, no cut lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from dispatcher.cli import COMMANDS, app
from dispatcher.cli.commands import plainly
from dispatcher.cli.tour import tour
from protocol.errors import UsageError
from usertext.command_line import USAGE_ERROR, corrected, usage_text

PASSED_ON = {"models", "worker"}
"""What other programs read."""


def commands() -> Iterator[tuple[str, ...]]:
    """Yield every command by its words."""
    root: Any = typer.main.get_command(app)
    for name in COMMANDS:
        if name not in PASSED_ON:
            found = root.get_command(None, name)
            yield (name,)
            yield from ((name, below) for below in getattr(found, "commands", {}))


def command_of(words: tuple[str, ...]) -> Any:
    found: Any = typer.main.get_command(app)
    for word in words:
        found = found.get_command(None, word) if word in COMMANDS else found.commands[word]
    return found


Help = Callable[..., str]


@pytest.fixture
def help_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Help:
    """Return what a command says of itself on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def told(command: Any, *words: str) -> str:
        plainly(command)(args=[*words, "--help"], prog_name="gpudrop", standalone_mode=False)
        return capsys.readouterr().out

    return told


@pytest.mark.parametrize("words", [(), *commands()], ids=" ".join)
def test_help_fits_80_columns(words: tuple[str, ...], help_of: Help) -> None:
    """Every option stands there in full, flags without a type, and nothing is cut off or wider."""
    told = help_of(typer.main.get_command(app), *words)
    lines = told.splitlines()
    assert max(map(len, lines)) <= 80
    for wrong in ("<bool>", "<str>", "<list[", "<path>", "<int>", "<float", "│"):
        assert wrong not in told
    assert not [line for line in lines if line.lstrip().startswith("--") and line.split()[0].endswith("…")]
    options = [name for it in command_of(words).params for name in (*it.opts, *it.secondary_opts) if name[:2] == "--"]
    hidden = {name for it in command_of(words).params if getattr(it, "hidden", False) for name in it.opts}
    spoken = set(told.replace(",", " ").split())
    assert [name for name in options if name not in spoken and name not in hidden] == []


def test_record_tour_is_as_plain(help_of: Help) -> None:
    """The script's own help is that of the command."""
    alone = typer.Typer()
    alone.command()(tour)
    told = help_of(typer.main.get_command(alone))
    assert "--drop TEXT" in told
    assert "--allow-mixed-voices  " in told


MISTYPED = {
    "no such command 'enhanse'": ("enhance", ["init", "enhance", "encode"]),
    "No such command 'shw'. Did you mean 'show'?": ("show", []),
    "No such option: --ot (Possible options: --notify, --out, --tag)": ("--out", []),
    "no such option: --scal Did you mean --scale?": ("--scale", []),
}


@pytest.mark.parametrize("text", MISTYPED)
def test_the_name_that_was_meant_is_told(text: str) -> None:
    """One of them, the closest, however typer tells of those that there are."""
    meant, known = MISTYPED[text]
    told = corrected(text, known)
    assert told.endswith(f"; did you mean {meant}?")
    assert "Possible" not in told
    assert told.count("?") == 1


def test_nothing_is_guessed_from_afar() -> None:
    """A name like no other has no hint; another mistake stays as it is told."""
    assert corrected("no such command 'xyzzy'", ["init", "doctor"]) == "no such command 'xyzzy'"
    assert corrected("missing argument 'FILES'") == "missing argument 'FILES'"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("enhanse", "x"), "did you mean enhance?"),
        (("runs", "shw", "x"), "did you mean show?"),
        (("upscale", "x.png", "--scal", "2"), "did you mean --scale?"),
        (("encode", "x.mp4", "--codec", "h265"), "'h265' is not one of auto, h264, hevc, av1, vp9; did you mean hevc?"),
        (("encode", "x.mp4", "--format", "mp5"), "did you mean mp4?"),
        (("tour", "x.json", "--colab-drive", "y"), "did you mean --colab-drive-path?"),
        (("runs", "ls", "--limit", "0"), "--limit / -n: must be at least 1"),
        (("enhance", "x", "--seed", "a"), "--seed: must be a whole number"),
    ],
)
def test_a_mistake_on_the_command_line_has_its_hint(arguments: tuple[str, ...], told: str) -> None:
    """In one line, of commands and options, with the numbers that an option takes."""
    command: Any = plainly(typer.main.get_command(app))
    with pytest.raises(USAGE_ERROR) as wrong:
        command(args=list(arguments), standalone_mode=False)
    said = usage_text(wrong.value)
    assert told in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("upscale", "x.png", "--then", "upscale scal=2"),
            "--then 'upscale scal=2': scal: is not an option of upscale; did you mean scale?",
        ),
        (("upscale", "x.png", "--then", "upscale zzz=2"), "--then 'upscale zzz=2': zzz: is not an option of upscale"),
        (
            ("upscale", "x.png", "--then", "upscal"),
            "--then: 'upscal' is not one of analyze, encode, enhance, stabilize, transcribe, upscale; "
            "did you mean upscale?",
        ),
        (
            ("transcribe", "x.wav", "--formats", "srt,docx"),
            "--formats: 'docx' is not one of srt, vtt, ass, txt, tsv, json",
        ),
        (
            ("transcribe", "x.wav", "--formats", "str"),
            "--formats: 'str' is not one of srt, vtt, ass, txt, tsv, json; did you mean srt?",
        ),
        (
            ("tour", "x.json", "--zoom", "automatic"),
            "--zoom: 'automatic' is not one of off, auto, mobile; did you mean auto?",
        ),
        (("tour", "x.json", "--zoom", "3"), "--zoom: '3' is not one of off, auto, mobile"),
        (
            ("upscale", "x.png", "--backend", "colb"),
            "--backend: 'colb' is not one of local, colab; did you mean colab?",
        ),
        (("upscale", "x.png", "--scale", "9"), "--scale: must be 1 to 8, not 9; 2 doubles the width and height"),
    ],
)
def test_a_wrong_value_names_the_option_first(arguments: tuple[str, ...], told: str) -> None:
    """The bad value is quoted, and a close one is suggested; a value that is like no other has no hint."""
    command: Any = plainly(typer.main.get_command(app))
    with pytest.raises(UsageError) as wrong:
        command(args=list(arguments), standalone_mode=False)
    assert str(wrong.value) == told
