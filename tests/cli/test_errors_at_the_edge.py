"""What goes wrong is a line or two with the hint and an exit code, as it is with the user's own files and disks."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatcher.cli import errors, runs_list
from dispatcher.config import Settings
from protocol.errors import EnvironmentNotReady

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a data folder of its own."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "GPUDROP_DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)}


def gpudrop(environment: dict[str, str], *arguments: str | Path, out: int = subprocess.PIPE) -> tuple[int, str]:
    """Run a command; return its exit code and what it said on stderr."""
    command = [sys.executable, "-m", "dispatcher.cli", *map(str, arguments)]
    done = subprocess.run(
        command, stdout=out, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("encode", "a.mp4", "--format", "avi"), "--format: 'avi' is not one of mp4, "),
        (("encode", "a.mp4", "--quality", "abc"), "--quality: "),
        (("transcribe", "a.wav", "--task", "foo"), "--task: 'foo' is not one of transcribe, translate"),
        (("upscale", "a.png", "--nonsense"), "no such option: --nonsense"),
        (("upscale",), "missing argument 'FILES'"),
        (("runs", "frobnicate"), "no such command 'frobnicate'"),
        (("nothing",), "no such command 'nothing'"),
    ],
)
def test_a_wrong_command_line_is_one_line(environment: dict[str, str], arguments: tuple[str, ...], told: str) -> None:
    """As what is wrong with a value is; programs get an event, as of every error."""
    code, stderr = gpudrop(environment, *arguments)
    assert code == 2
    assert stderr.startswith(f"error: {told}")
    assert stderr.rstrip().endswith(" --help)")
    assert stderr.count("\n") == 1
    assert "Value error" not in stderr
    code, stderr = gpudrop(environment, *arguments, "--json")
    event = json.loads(stderr)
    assert (code, event["event"], event["exit_code"]) == (2, "error", 2)


def test_help_is_no_error(environment: dict[str, str]) -> None:
    """Help that is asked for goes to stdout."""
    assert gpudrop(environment, "upscale", "--help") == (0, "")


@pytest.mark.parametrize("words", [(), ("runs",), ("config",), ("key",), ("workers",)])
def test_a_group_without_a_command_shows_its_help(environment: dict[str, str], words: tuple[str, ...]) -> None:
    """Whoever types a group alone sees its commands, with the exit code of wrong usage."""
    code, stderr = gpudrop(environment, *words)
    assert code == 2
    usage, commands = stderr.splitlines()[0], stderr.partition("\nCommands:\n")[2]
    assert usage.endswith(" ".join((*words, "[OPTIONS] COMMAND [ARGS]...")))
    assert len(commands.splitlines()) >= 2


def raising(error: Exception) -> Callable[..., None]:
    """Return a command at whose work something goes wrong."""

    def command(**_: object) -> None:
        raise error

    return command


def said(error: Exception, capsys: pytest.CaptureFixture[str], *, code: int) -> str:
    """Return what is said of an error at the edge, which ends with an exit code."""
    with pytest.raises(SystemExit) as ended:
        errors.run(raising(error))
    assert ended.value.code == code
    return capsys.readouterr().err


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give no flag that changes how errors are told."""
    monkeypatch.setattr(sys, "argv", ["gpudrop"])


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("number", "code", "hint"),
    [
        (errno.ENOENT, 3, "make its folder"),
        (errno.ENOTDIR, 3, "Correct the path"),
        (errno.EACCES, 6, "Change its permissions"),
        (errno.ENOSPC, 6, "Free some space"),
        (errno.EISDIR, 6, "Use another file or folder"),
    ],
)
def test_what_the_system_says_of_a_file_is_told_with_the_hint(
    number: int, code: int, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name, why, what to do, and the exit code that such an error has everywhere."""
    told = said(OSError(number, os.strerror(number), "/their/file"), capsys, code=code)
    assert told.startswith(f"error: /their/file: {os.strerror(number)}. ")
    assert hint in told


@pytest.mark.usefixtures("plain")
def test_a_system_error_without_a_file_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A full disk names no file when it is written to; other errors may have no number either."""
    assert "Free some space" in said(OSError(errno.ENOSPC, "No space left on device"), capsys, code=6)
    assert "the system reported: odd" in said(OSError("odd"), capsys, code=6)


@pytest.mark.usefixtures("plain")
def test_a_fault_of_ours_is_called_that(capsys: pytest.CaptureFixture[str]) -> None:
    """It is one line as well, which says how to see more."""
    told = said(KeyError("x"), capsys, code=1)
    assert told == "error: KeyError: 'x'. This is a bug in gpudrop: please report it with the output of --debug\n"


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever went wrong is raised as it is then."""
    monkeypatch.setattr(sys, "argv", ["gpudrop", "--debug"])
    for error in (KeyError("x"), OSError(errno.ENOENT, "no", "/their/file"), EnvironmentNotReady("no")):
        with pytest.raises(type(error)):
            errors.run(raising(error))


def test_programs_are_told_in_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The last event is the error, of whichever sort."""
    monkeypatch.setattr(sys, "argv", ["gpudrop", "--json"])
    event = json.loads(said(OSError(errno.ENOENT, "no", "/their/file"), capsys, code=3))
    assert (event["event"], event["type"], event["exit_code"]) == ("error", "NotFoundError", 3)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("runs", "export", "-o", "{here}/no/x"), 3, "there is no folder {here}/no: make it"),
        (("runs", "export", "-o", "{here}/file/x"), 3, "there is no folder {here}/file"),
        (("runs", "export", "--status", "bogus"), 2, "--status: 'bogus' is not one of pending"),
        (("runs", "export", "--kind", "bogus"), 2, "--kind: 'bogus' is not one of analyze"),
        (("runs", "prune", "--keep", "1", "--kind", "bogus"), 2, "--kind: 'bogus' is not one of analyze"),
        (("key", "new", "--folder", "{here}/file/keys"), 3, "{here}/file/keys: Not a directory. Correct the path"),
        (("analyze", "{here}/" + 300 * "a"), 6, "File name too long. Use another file"),
    ],
)
def test_no_command_ends_in_a_traceback(
    environment: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    """Paths that are no folders, values that are none."""
    (tmp_path / "file").write_text("no folder")
    ended, told = gpudrop(environment, *(each.replace("{here}", str(tmp_path)) for each in arguments))
    assert (ended, told.count("\n")) == (code, 1)
    assert told.startswith("error: ")
    assert says.replace("{here}", str(tmp_path)) in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to write to")
def test_what_was_not_written_is_an_error(environment: dict[str, str]) -> None:
    """Printed to a full disk, data is lost: that is told, and once."""
    with Path("/dev/full").open("w") as full:
        code, told = gpudrop(environment, "runs", "export", "--format", "csv", out=full.fileno())
    assert (code, told) == (6, "error: No space left on device. Free some space, then run the same command again\n")


def test_an_export_is_whole_or_not_there(tmp_path: Path) -> None:
    """Half of one would be in the way of the next, and look like all there is."""

    def half_a_line() -> None:
        with runs_list._created(tmp_path / "runs.csv") as file:
            file.write("half a line")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        half_a_line()
    assert list(tmp_path.iterdir()) == []


def test_who_reads_no_more_is_no_error(environment: dict[str, str]) -> None:
    """`gpudrop … | head` ends without a word."""
    reads, writes = os.pipe()
    os.close(reads)
    try:
        assert gpudrop(environment, "runs", "export", "--format", "csv", out=writes) == (1, "")
    finally:
        os.close(writes)


def test_a_setting_that_is_none_is_named(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By its variable, and without its value: that may be a key."""
    code, told = gpudrop({**environment, "GPUDROP_BEAT_S": "soon"}, "runs", "ls")
    assert code == 6
    assert told.startswith("error: GPUDROP_BEAT_S: Input should be a valid number")
    assert "soon" not in told
    assert "Correct it in the environment, or unset it" in told
    monkeypatch.setenv("GPUDROP_DURABILITY", "none")
    with pytest.raises(EnvironmentNotReady, match="GPUDROP_DURABILITY: "):
        Settings()
