"""`gpudrop config`, and what the commands make of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.config import Settings
from dispatcher.tour.output.plan import video_path
from dispatcher.tour.spec.loading import load
from protocol.errors import EnvironmentNotReady, UsageError
from tests.support.sessions import session


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a user without any defaults, who has no Drive."""
    monkeypatch.setenv("GPUDROP_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GPUDROP_HOME", str(tmp_path / "home"))
    return tmp_path


def _run(*arguments: str) -> str:
    ran = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def test_what_is_set_is_shown_with_what_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody, the file, the environment; and unset again."""
    file = folder / "config" / "config.toml"
    assert _run("config", "path") == f"{file}\n"
    assert {key: it["value"] for key, it in json.loads(_run("config", "show", "--json")).items()} == {
        "drop": "",
        "voice": "",
        "out": "",
    }
    _run("config", "set", "voice", "af_heart")
    assert f"voice  af_heart  (the default in {file})" in _run("config", "show")
    monkeypatch.setenv("GPUDROP_VOICE", "bm_george")
    assert "voice  bm_george  (set by GPUDROP_VOICE)" in _run("config", "show")
    assert (
        "GPUDROP_VOICE is set and overrides config.toml" in CliRunner().invoke(app, ["config", "unset", "voice"]).output
    )
    assert file.read_text() == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["set", "dorp", "/x"], "Did you mean drop?"),
        (["set", "voice", ""], "voice is empty"),
        (["set", "drop", "ftp:x"], "unknown kind of drop"),
        (["unset", "colour"], "Known settings: drop, voice, out"),
    ],
)
def test_a_wrong_key_or_value_is_a_usage_error(folder: Path, arguments: list[str], said: str) -> None:
    """With what there is instead; nothing is written."""
    ran = CliRunner().invoke(app, ["config", *arguments])
    assert isinstance(ran.exception, UsageError)
    assert said in str(ran.exception)
    assert not (folder / "config").exists()


def test_init_is_remembered(folder: Path) -> None:
    """Later commands need no --drop, init included; another drop takes its place, unless that is not wanted."""
    drop = str(folder / "drop")
    ran = CliRunner().invoke(app, ["init", "--drop", drop])
    assert f"{drop} is now the default drop" in ran.stderr
    assert "gpudrop tour tutorial.json --tts-backend colab\n" in ran.stdout
    assert json.loads(_run("init", "--json"))["drop"] == drop
    assert json.loads(_run("config", "show", "--json"))["drop"]["value"] == drop
    ran = CliRunner().invoke(app, ["init", "--drop", str(folder / "b b"), "--no-default"])
    assert f"--tts-backend colab --drop '{folder}/b b'\n" in ran.stdout
    assert json.loads(_run("config", "show", "--json"))["drop"]["value"] == drop
    ran = CliRunner().invoke(app, ["init", "--drop", str(folder / "c")])
    assert f"is now the default drop instead of {drop}" in ran.stderr
    assert Settings().defaults["drop"] == str(folder / "c")


def test_a_wrong_file_stops_a_command_that_needs_it(folder: Path) -> None:
    """The file and the line are named before anything is made."""
    (folder / "config").mkdir()
    (folder / "config" / "config.toml").write_text("drop = 1\n")
    ran = CliRunner().invoke(app, ["init"])
    assert isinstance(ran.exception, EnvironmentNotReady)
    assert "config.toml, line 1" in str(ran.exception)


def test_results_go_to_the_default_folder(folder: Path) -> None:
    """Without --out they go where config.toml says, with it where it says."""
    (folder / "notes.txt").write_text("First, open the file.")
    _run("config", "set", "out", str(folder / "made"))

    def made(*more: str) -> list[Path]:
        command = [sys.executable, "-m", "dispatcher.cli", "enhance", str(folder / "notes.txt"), *more]
        ran = subprocess.run(command, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return [Path(line) for line in ran.stdout.split()]

    assert {path.parent for path in made()} == {folder / "made"}
    assert {path.parent for path in made("--out", str(folder / "here"))} == {folder / "here"}


def test_a_tour_goes_there_too_unless_it_says_where(folder: Path) -> None:
    """output.path and --output beat the default folder."""
    steps = [{"id": "a", "url": "http://localhost/", "narration": "Hello."}]
    (folder / "t.json").write_text(json.dumps({"steps": steps}))
    (folder / "said.json").write_text(json.dumps({"steps": steps, "output": {"path": "x.mp4"}}))
    _run("config", "set", "out", str(folder / "made"))
    bare, said = load(folder / "t.json"), load(folder / "said.json")
    assert video_path(bare, session(folder, settings=Settings())) == folder / "made" / "t.mp4"
    assert video_path(said, session(folder, settings=Settings())) == folder / "x.mp4"
    assert video_path(bare, session(folder, settings=Settings(), output=folder / "o.mp4")) == folder / "o.mp4"
    _run("config", "unset", "out")
    assert video_path(bare, session(folder, settings=Settings())) == folder / "t.mp4"
