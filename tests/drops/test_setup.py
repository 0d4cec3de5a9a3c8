from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.drops import setup
from protocol.errors import EnvironmentNotReady, UsageError


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    made = tmp_path / "gpudrop-0-py3-none-any.whl"
    made.write_bytes(b"wheel")
    return made


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    made = tmp_path / "anything.ipynb"
    made.write_bytes(b"{}")
    return made


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_a_named_drop_wins(tmp_path: Path) -> None:
    """The flag beats the environment, and the environment beats what is found; neither has to exist."""
    _folder(tmp_path / "gdrive/gpudrop")
    assert setup.find(tmp_path / "flag", tmp_path / "env", tmp_path) == tmp_path / "flag"
    assert setup.find(None, tmp_path / "env", tmp_path) == tmp_path / "env"


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ("gdrive/autonomous-recording/tts-jobs", "gdrive/autonomous-recording/tts-jobs"),
        ("gdrive/gpudrop", "gdrive/gpudrop"),
        ("gdrive", "gdrive/gpudrop"),
        ("Library/CloudStorage/GoogleDrive-me@example.com/My Drive", None),
        ("Library/CloudStorage/GoogleDrive-me@example.com/Meine Ablage", None),
        ("Google Drive/マイドライブ", None),
        ("My Drive", None),
        ("Meine Ablage", None),
        ("Mi unidad (me@example.com)", None),
        (
            "Google Drive/Mon Drive/autonomous-recording/tts-jobs",
            "Google Drive/Mon Drive/autonomous-recording/tts-jobs",
        ),
    ],
)
def test_the_usual_folders_are_found(tmp_path: Path, there: str, found: str | None) -> None:
    """A drop of existing users, an rclone mount, and Drive for Desktop, streamed or mirrored, in other languages."""
    _folder(tmp_path / there)
    _folder(tmp_path / there / "Photos")
    assert setup.find(None, None, tmp_path) == tmp_path / (found or f"{there}/gpudrop")


def test_an_empty_mount_point_is_no_drive(tmp_path: Path) -> None:
    """A drop made in it would be hidden by the mount: the command that mounts it is told, and nothing is made."""
    _folder(tmp_path / "gdrive")
    with pytest.raises(EnvironmentNotReady, match=rf"rclone mount gdrive: {tmp_path}/gdrive --vfs-cache-mode full"):
        setup.find(None, None, tmp_path)
    said = CliRunner().invoke(app, ["init"], env={"GPUDROP_HOME": str(tmp_path), "COLAB_TTS_DRIVE_PATH": None})
    assert isinstance(said.exception, EnvironmentNotReady)
    assert not list((tmp_path / "gdrive").iterdir())
    named = tmp_path / "gdrive" / "gpudrop"
    assert setup.find(named, None, tmp_path) == named
    assert CliRunner().invoke(app, ["init", "--drop", str(named)]).exit_code == 0
    assert setup.find(None, None, tmp_path) == named, "what is there is used"


def test_a_default_drop_in_an_empty_mount_point_is_refused_too(tmp_path: Path) -> None:
    """The drop that is remembered lies on the mount: while that is away nothing is made in its place."""
    _folder(tmp_path / "gdrive")
    environment = {
        "GPUDROP_HOME": str(tmp_path),
        "COLAB_TTS_DRIVE_PATH": None,
        "GPUDROP_DROP": str(tmp_path / "gdrive" / "gpudrop"),
    }
    said = CliRunner().invoke(app, ["init"], env=environment)
    assert isinstance(said.exception, EnvironmentNotReady)
    assert "nothing is mounted on" in str(said.exception)
    assert not list((tmp_path / "gdrive").iterdir())


def test_another_drive_is_taken_where_the_mount_point_is_empty(tmp_path: Path) -> None:
    """A left-over mount point keeps nobody from the Drive that is really there."""
    _folder(tmp_path / "gdrive")
    _folder(tmp_path / "My Drive")
    assert setup.find(None, None, tmp_path) == tmp_path / "My Drive" / "gpudrop"


def test_without_drive_nothing_is_guessed(tmp_path: Path) -> None:
    """On a machine without any Drive folder there is no drop, and none is made up."""
    assert setup.find(None, None, tmp_path) is None


def test_a_drop_that_is_there_beats_room_for_one(tmp_path: Path) -> None:
    """An existing drop in the second Drive is used before one is made in the first."""
    _folder(tmp_path / "gdrive")
    there = _folder(tmp_path / "Google Drive/My Drive/gpudrop")
    assert setup.find(None, None, tmp_path) == there


def test_a_folder_of_the_simple_form_becomes_a_drop(tmp_path: Path) -> None:
    """One that holds old jobs, or has the old name, is adopted once; its files stay as they are."""
    old = _folder(tmp_path / "jobs/20250115_103000").parent
    (old / "20250115_103000/request.json").write_text("{}")
    named = _folder(tmp_path / "gdrive/autonomous-recording/tts-jobs")
    assert [setup.adopt(old), setup.adopt(named)] == [True, True]
    assert [setup.adopt(old), setup.adopt(named)] == [False, False]
    assert (old / "20250115_103000/request.json").read_text() == "{}"
    assert setup.init_drop(old) == setup.init_drop(old)


def test_no_other_folder_is_adopted(tmp_path: Path) -> None:
    """An empty folder may be a mount that is not there; a folder of films is no drop; a missing one stays missing."""
    _folder(tmp_path / "films/holiday")
    (tmp_path / "films/holiday/a.mp4").write_bytes(b"")
    _folder(tmp_path / "empty")
    assert [setup.adopt(tmp_path / name) for name in ("films", "empty", "missing")] == [False] * 3
    assert not (tmp_path / "films/_drop.json").exists()
    assert not (tmp_path / "missing").exists()


def test_colab_sees_it_under_its_own_name(tmp_path: Path) -> None:
    """Colab mounts every account's folder as MyDrive, whatever it is called here."""
    inside = tmp_path / "Google Drive/Mi unidad/video/drop"
    _folder(inside)
    assert setup.seen_by_colab(inside, tmp_path) == "/content/drive/MyDrive/video/drop"
    assert setup.seen_by_colab(tmp_path / "elsewhere", tmp_path) is None


def test_a_drop_is_made_once(tmp_path: Path) -> None:
    """Making a drop again keeps its id, which every job in it carries."""
    first = setup.init_drop(tmp_path / "a/b")
    assert setup.init_drop(tmp_path / "a/b") == first


def test_a_place_that_cannot_be_a_drop_says_so(tmp_path: Path) -> None:
    """A file in the way is told with its path and the hint."""
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentNotReady, match=r"file.*--drop PATH"):
        setup.init_drop(tmp_path / "file")


def test_the_same_package_is_published_once(tmp_path: Path, wheel: Path, notebook: Path) -> None:
    """Another digest gets the next number; the same one gets no second folder; going back is going on."""
    drop = tmp_path / "drop"
    setup.init_drop(drop)
    first = setup.publish_package(drop, wheel, notebook)
    assert setup.publish_package(drop, wheel, notebook) == first
    assert sorted(path.name for path in (drop / first).iterdir()) == [wheel.name, "worker.ipynb"]
    wheel.write_bytes(b"newer")
    second = setup.publish_package(drop, wheel, notebook)
    wheel.write_bytes(b"wheel")
    third = setup.publish_package(drop, wheel, notebook)
    assert [folder.split("-")[0] for folder in (first, second, third)] == ["_dist/1", "_dist/2", "_dist/3"]


@pytest.mark.parametrize("left", [b"", b"whe", b"wheelwheel", None])
def test_a_torn_package_is_replaced(tmp_path: Path, wheel: Path, notebook: Path, left: bytes | None) -> None:
    """A wheel that is not there whole does not count as published."""
    drop = tmp_path / "drop"
    setup.init_drop(drop)
    torn = drop / setup.publish_package(drop, wheel, notebook) / wheel.name
    torn.unlink()
    if left is not None:
        torn.write_bytes(left)
    assert setup.publish_package(drop, wheel, notebook).startswith("_dist/2-")


def test_init_makes_a_drop_and_tells_the_steps(tmp_path: Path) -> None:
    """The command names the notebook, the folder as Colab sees it, and the command to run here."""
    home = tmp_path / "home"
    _folder(home / "gdrive" / "Photos")
    said = CliRunner().invoke(app, ["init"], env={"GPUDROP_HOME": str(home), "COLAB_TTS_DRIVE_PATH": None})
    assert said.exit_code == 0, said.output
    assert 'DROP to "/content/drive/MyDrive/gpudrop"' in said.stdout
    [notebook] = (home / "gdrive/gpudrop/_dist").glob("1-*/worker.ipynb")
    assert str(notebook) in said.stdout
    assert "--tts-backend colab" in said.stdout


def test_init_elsewhere_names_the_worker_command(tmp_path: Path) -> None:
    """A folder outside Drive is served by a machine of one's own: nobody is sent to Google Drive for its notebook."""
    said = CliRunner().invoke(app, ["init", "--drop", str(tmp_path / "d")], env={"GPUDROP_HOME": str(tmp_path)})
    assert said.exit_code == 0, said.output
    assert "gpudrop worker --drop PATH" in said.stdout
    assert "Open the notebook from Google Drive" not in said.stdout


def test_init_speaks_json(tmp_path: Path) -> None:
    """With `--json` scripts get paths that exist; a second run changes nothing."""
    runs = [CliRunner().invoke(app, ["init", "--json", "--drop", str(tmp_path / "d")]).stdout for _ in range(2)]
    made = json.loads(runs[0])
    assert Path(made["notebook"]).is_file()
    assert runs[0] == runs[1]


def test_init_without_a_drive_names_the_hint(tmp_path: Path) -> None:
    """Where there is no Drive folder the command ends with code 6 and tells how to name one."""
    said = CliRunner().invoke(app, ["init"], env={"GPUDROP_HOME": str(tmp_path), "COLAB_TTS_DRIVE_PATH": None})
    assert isinstance(said.exception, EnvironmentNotReady)
    assert "--drop PATH" in str(said.exception)
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(("drop", "data"), [("a", "a"), ("a/data/drop", "a/data"), ("a", "a/data")])
def test_a_drop_and_our_own_data_lie_apart(tmp_path: Path, drop: str, data: str) -> None:
    """A drop in the run database's folder, or the other way round, is refused with both names."""
    with pytest.raises(UsageError, match=r"data folder .* overlap"):
        setup.check_apart(tmp_path / drop, tmp_path / data)
    setup.check_apart(tmp_path / drop, tmp_path / "elsewhere")
    setup.check_apart("rclone:g:a", tmp_path / data)
