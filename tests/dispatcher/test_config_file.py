"""config.toml: read with the line and the fix of every mistake, written without losing what a user wrote."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dispatcher import config_file
from dispatcher.config import Settings
from protocol.errors import EnvironmentNotReady, UsageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_no_file_sets_nothing(path: Path) -> None:
    """A user who has set nothing has no file, and that is no error."""
    assert config_file.read(path) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('dorp = "/d"', ["line 1", "unknown setting 'dorp'", "Did you mean drop?"]),
        ('# mine\n\nvoices = "x"', ["line 3", "Did you mean voice?"]),
        ("xyz = 1", ["unknown setting 'xyz'. Known settings: drop, voice, out"]),
        ('[tour]\nvoice = "x"', ["line 1", "unknown setting 'tour'"]),
        ("voice = 3", ["line 1", "must be a string in quotes, not 3"]),
        ('out = ["/a"]', ["line 1", 'must be a string in quotes, not ["/a"]']),
        ('out = " "', ["out is empty", "gpudrop config unset out"]),
        ('drop = "drop"', ["line 1", 'drop must be an absolute path, or begin with ~, not "drop"']),
        ('out = "made"', ["out must be an absolute path"]),
        ('drop = "rlcone:g:x"', ["unknown kind of drop 'rlcone'"]),
        ('drop = "rclone:"', ["does not name a drop"]),
        (f'voice = "{"x" * 65}"', ["voice is longer than 64 characters"]),
        ('voice = "a\\u0007"', ["control character"]),
        ("drop = /d", ["line 1", 'drop = "/home/me/drop"']),
        ('drop = "/a"\ndrop = "/b"', ["Cannot overwrite a value"]),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_fix(path: Path, text: str, said: list[str]) -> None:
    """The file, the line, what is wrong and what to write instead."""
    path.write_text(text)
    with pytest.raises(EnvironmentNotReady) as caught:
        config_file.read(path)
    assert str(path) in str(caught.value)
    for words in said:
        assert words in str(caught.value)


def test_every_mistake_is_told_at_once(path: Path) -> None:
    """Two wrong lines are two lines of the message."""
    path.write_text('dorp = "/d"\nvoice = 1\n')
    with pytest.raises(EnvironmentNotReady) as caught:
        config_file.read(path)
    assert ["line 1" in line or "line 2" in line for line in str(caught.value).splitlines()] == [True, True]


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b'drop = "\xe4"'])
def test_a_file_that_is_no_text_is_named(path: Path, data: bytes) -> None:
    """Not a traceback of a decoder."""
    path.write_bytes(data)
    with pytest.raises(EnvironmentNotReady, match=r"config\.toml is not UTF-8 text"):
        config_file.read(path)


def test_setting_keeps_comments_and_the_other_lines(path: Path) -> None:
    """What was there is replaced in its line; what was not is added; what is taken out is gone."""
    path.write_text('# my defaults\nvoice = "af_heart"  # I like it\ndrop = "/a"')
    config_file.write(path, "drop", '/b "c" \\d ü')
    config_file.write(path, "out", "/o")
    assert path.read_text().splitlines()[:2] == ["# my defaults", 'voice = "af_heart"  # I like it']
    assert config_file.read(path) == {"voice": "af_heart", "drop": '/b "c" \\d ü', "out": "/o"}
    config_file.write(path, "voice", None)
    config_file.write(path, "voice", None)
    assert config_file.read(path) == {"drop": '/b "c" \\d ü', "out": "/o"}


def test_a_value_over_several_lines_is_left_to_the_user(path: Path) -> None:
    """A file that our edit would break stays as it is."""
    text = 'voice = """\\\n  af_heart"""\n'
    path.write_text(text)
    with pytest.raises(EnvironmentNotReady, match="by hand"):
        config_file.write(path, "voice", "x")
    assert path.read_text() == text


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The message names the variable that chooses another folder."""
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentNotReady, match="GPUDROP_CONFIG_DIR"):
        config_file.write(tmp_path / "file" / "config.toml", "voice", "x")


def test_folders_are_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set from one folder means the same in another; an address stays one."""
    monkeypatch.chdir(tmp_path)
    assert config_file.checked("out", "made") == str(tmp_path / "made")
    assert config_file.checked("drop", "~/d") == str(Path.home() / "d")
    assert config_file.checked("drop", "rclone:g:d") == "rclone:g:d"
    with pytest.raises(UsageError, match="unknown kind of drop"):
        config_file.checked("drop", "ftp:g:d")
    with pytest.raises(UsageError, match="out is empty"):
        config_file.checked("out", "")


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the voice and the folder for results; an empty variable counts as unset."""
    (tmp_path / "config.toml").write_text('voice = "bm_george"\nout = "~/made"\n')
    settings = Settings(config_dir=tmp_path)
    assert (settings.default_voice, settings.default_out) == ("bm_george", Path.home() / "made")
    monkeypatch.setenv("GPUDROP_VOICE", "af_heart")
    monkeypatch.setenv("GPUDROP_OUT", "/results")
    settings = Settings(config_dir=tmp_path)
    assert (settings.default_voice, settings.default_out) == ("af_heart", Path("/results"))
    monkeypatch.setenv("GPUDROP_VOICE", "")
    monkeypatch.setenv("GPUDROP_OUT", "")
    assert Settings(config_dir=tmp_path).default_voice == "bm_george"
    (tmp_path / "config.toml").unlink()
    settings = Settings(config_dir=tmp_path)
    assert (settings.default_voice, settings.default_out) == ("default", None)


def test_both_names_of_the_drop_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GPUDROP_DROP is its name; the older one counts where that is not set."""
    assert not {"GPUDROP_DROP", "COLAB_TTS_DRIVE_PATH"} & set(os.environ)
    assert Settings().drop_of_environment is None
    monkeypatch.setenv("COLAB_TTS_DRIVE_PATH", "/old")
    assert Settings().drop_of_environment == ("/old", "COLAB_TTS_DRIVE_PATH")
    monkeypatch.setenv("GPUDROP_DROP", "")
    assert Settings().drop_of_environment == ("/old", "COLAB_TTS_DRIVE_PATH")
    monkeypatch.setenv("GPUDROP_DROP", "/new")
    assert Settings().drop_of_environment == ("/new", "GPUDROP_DROP")
