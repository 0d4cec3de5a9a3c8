"""Which drop a command uses, and which folders become a drop by themselves."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from dispatcher.config import Settings
from dispatcher.connection import connect
from dispatcher.drops.default import Choice, adopt, choose
from dispatcher.drops.setup import init_drop
from dispatcher.jobs.job import Job
from protocol.errors import EnvironmentNotReady

CARD = "_drop.json"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of a user with a default drop, and with a Drive folder that would be found."""
    (tmp_path / "home" / "gdrive" / "gpudrop").mkdir(parents=True)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text('drop = "/the/default"\n')
    return Settings(data_dir=tmp_path / "data", config_dir=tmp_path / "config", home=tmp_path / "home")


def _chosen(named: str | None, settings: Settings) -> tuple[str, str]:
    choice = choose(named, settings)
    assert choice is not None
    return str(choice.address), choice.origin


def test_the_flag_beats_the_environment_beats_the_file_beats_what_is_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each says what named the drop."""
    file = settings.config_file
    assert _chosen(None, settings) == ("/the/default", f"the default in {file}")
    monkeypatch.setenv("GPUDROP_DROP", "rclone:g:d")
    there = Settings(config_dir=settings.config_dir, home=settings.home)
    assert _chosen(None, there) == ("rclone:g:d", "set by GPUDROP_DROP")
    assert _chosen("/flag", there) == ("/flag", "named by --drop")
    monkeypatch.delenv("GPUDROP_DROP")
    file.unlink()
    found = Settings(config_dir=settings.config_dir, home=settings.home)
    address, origin = _chosen(None, found)
    assert address == str(settings.home / "gdrive" / "gpudrop")
    assert origin.startswith("found")
    (settings.home / "gdrive" / "gpudrop").rmdir()
    (settings.home / "gdrive").rmdir()
    assert choose(None, found) is None


def _by_flag(path: Path) -> Choice:
    return Choice(address=path, origin="named by --drop", by_flag=True)


def test_an_empty_folder_that_the_flag_names_becomes_a_drop(tmp_path: Path, settings: Settings) -> None:
    """What systems and sync tools leave in any folder does not make it full. It says so once."""
    (tmp_path / "d" / ".stfolder").mkdir(parents=True)
    (tmp_path / "d" / "desktop.ini").touch()
    assert adopt(_by_flag(tmp_path / "d"), settings) == f"the empty folder {tmp_path}/d is a drop now"
    assert (tmp_path / "d" / CARD).is_file()
    assert adopt(_by_flag(tmp_path / "d"), settings) == ""


def test_a_folder_of_old_jobs_becomes_a_drop(tmp_path: Path, settings: Settings) -> None:
    """Whatever named it: the old scripts have no init."""
    (tmp_path / "d" / "20250115_103000").mkdir(parents=True)
    (tmp_path / "d" / "20250115_103000" / "request.json").write_text("{}")
    assert "it is a drop now" in adopt(Choice(address=tmp_path / "d", origin="set by GPUDROP_DROP"), settings)


@pytest.mark.parametrize("held", ["a.mp4", "films/a.mp4", "films"])
def test_no_other_folder_becomes_one(tmp_path: Path, settings: Settings, held: str) -> None:
    """Not with a file, not with a folder of the user's; a folder that is not there stays so."""
    place = tmp_path / "d" / held
    place.parent.mkdir(parents=True)
    if place.suffix:
        place.touch()
    else:
        place.mkdir()
    assert adopt(_by_flag(tmp_path / "d"), settings) == ""
    assert not (tmp_path / "d" / CARD).exists()
    assert adopt(_by_flag(tmp_path / "none"), settings) == ""
    assert not (tmp_path / "none").exists()


def test_an_empty_folder_that_no_flag_names_does_not(tmp_path: Path, settings: Settings) -> None:
    """One that is set once and for all may be the place of a mount that is away."""
    (tmp_path / "d").mkdir()
    assert adopt(Choice(address=tmp_path / "d", origin="set by GPUDROP_DROP"), settings) == ""
    assert not (tmp_path / "d" / CARD).exists()


def test_a_script_and_a_command_get_it_with_one_line(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """`connect("colab", drop=…)` goes through an empty folder, and says once that it is a drop now."""
    (tmp_path / "d").mkdir()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with connect("colab", tmp_path / "d", settings=settings) as connection:
                connection.client.submit(Job(kind="echo", params={"text": "x"})).leave()
    assert [record.getMessage() for record in caplog.records] == [f"the empty folder {tmp_path}/d is a drop now"]


def test_a_drop_whose_drive_is_away_is_not_made_again(tmp_path: Path, settings: Settings) -> None:
    """Jobs went through this folder, and it is empty now: that is a mount that is missing, not a new drop."""
    init_drop(tmp_path / "d")
    with connect("colab", tmp_path / "d", settings=settings) as connection:
        connection.client.submit(Job(kind="echo", params={"text": "x"})).leave()
    (tmp_path / "d").rename(tmp_path / "away")
    (tmp_path / "d").mkdir()
    with (
        pytest.raises(EnvironmentNotReady, match=r"was a drop before. Mount the drive"),
        connect("colab", tmp_path / "d", settings=settings),
    ):
        pass
    assert list((tmp_path / "d").iterdir()) == []
