"""The spec's shell lines: never silently, one after the other, each failure named."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dispatcher.tour.application import TAIL_BYTES, run_setup
from protocol.errors import EnvironmentNotReady, UsageError


def never(lines: Sequence[str]) -> bool:
    """Fail: nobody was to be asked."""
    raise AssertionError(f"asked about {lines}")


def run(
    folder: Path,
    *lines: str,
    allow: bool = True,
    confirm: Callable[[Sequence[str]], bool] = never,
    timeout_s: float = 20,
) -> str:
    """Run these lines in a folder and return their log."""
    log = folder / "setup.log"
    run_setup(lines, confirm=confirm, allow=allow, cwd=folder, log=log, timeout_s=timeout_s)
    return log.read_text()


def test_allowed_lines_run_in_order(tmp_path: Path) -> None:
    """Each line sees what the one before did, in the spec's folder, and the log holds lines and output."""
    log = run(tmp_path, "echo one > made", "cat made; pwd; echo two >&2")
    assert log == f"$ echo one > made\n$ cat made; pwd; echo two >&2\none\n{tmp_path}\ntwo\n"


def test_confirmed_lines_run(tmp_path: Path) -> None:
    """Who is asked sees exactly the lines that then run."""
    shown: list[str] = []
    run(tmp_path, "touch a", "touch b", allow=False, confirm=lambda lines: not shown.extend(lines))
    assert shown == ["touch a", "touch b"]
    assert (tmp_path / "a").exists()


def test_refused_lines_do_not_run(tmp_path: Path) -> None:
    """A refusal names the option that allows it, and nothing has run."""
    with pytest.raises(UsageError, match="--allow-setup"):
        run(tmp_path, "touch a", allow=False, confirm=lambda lines: False)
    assert list(tmp_path.iterdir()) == []


def test_no_lines_ask_nobody(tmp_path: Path) -> None:
    """A spec without pre_setup neither asks nor writes."""
    run_setup((), confirm=never, allow=False, cwd=tmp_path, log=tmp_path / "setup.log")
    assert list(tmp_path.iterdir()) == []


def test_a_failing_line_ends_it(tmp_path: Path) -> None:
    """The line, its status and the end of its own output are told; later lines do not run."""
    with pytest.raises(EnvironmentNotReady) as caught:
        run(tmp_path, "echo earlier", "echo why; exit 7", "touch later")
    said = str(caught.value)
    assert "'echo why; exit 7' failed with exit status 7" in said
    assert said.endswith("setup.log:\nwhy")
    assert "earlier" not in said
    assert not (tmp_path / "later").exists()


def test_only_the_end_of_much_output_is_told(tmp_path: Path) -> None:
    """A line that says a lot is cut; the log has it all."""
    with pytest.raises(EnvironmentNotReady) as caught:
        run(tmp_path, "yes many words | head -n 5000; echo last; false")
    assert len(str(caught.value)) < TAIL_BYTES + 500
    assert str(caught.value).endswith("last")
    assert (tmp_path / "setup.log").read_text().count("many") >= 5000


def test_a_line_ended_by_a_signal(tmp_path: Path) -> None:
    """A signal is not called a status."""
    with pytest.raises(EnvironmentNotReady, match="killed by signal 15"):
        run(tmp_path, "kill -TERM $$")


def test_nobody_can_be_asked_by_a_line(tmp_path: Path) -> None:
    """A line that reads its input meets its end instead of what is typed for us."""
    (tmp_path / "typed").write_text("yes\n")
    ours = os.dup(0)
    with (tmp_path / "typed").open() as typed:
        os.dup2(typed.fileno(), 0)
    try:
        with pytest.raises(EnvironmentNotReady, match="status 1"):
            run(tmp_path, "read answer")
    finally:
        os.dup2(ours, 0)
        os.close(ours)


def test_a_line_that_takes_too_long(tmp_path: Path) -> None:
    """When the time is up, what the line started is ended with it."""
    with pytest.raises(EnvironmentNotReady, match=r"timed out after 3 s"):
        run(tmp_path, "sleep 600 & echo $! > child; wait", timeout_s=3)
    assert _ends(int((tmp_path / "child").read_text()))


def test_what_runs_in_the_background_stays(tmp_path: Path) -> None:
    """A line may start the application that is recorded."""
    run(tmp_path, "sleep 600 & echo $! > child")
    child = int((tmp_path / "child").read_text())
    os.kill(child, 0)
    os.kill(child, 9)
    assert _ends(child)


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """A working folder or log that cannot be used is named."""
    with pytest.raises(EnvironmentNotReady, match="gone"):
        run_setup(["true"], confirm=never, allow=True, cwd=tmp_path / "gone", log=tmp_path / "log")
    with pytest.raises(EnvironmentNotReady, match="log"):
        run_setup(["true"], confirm=never, allow=True, cwd=tmp_path, log=tmp_path / "gone" / "log")


def _ends(process: int) -> bool:
    """Say whether a process is gone, or dead and not yet collected, within a minute."""
    for _ in range(1200):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
