"""Shell completion, set up as docs/shell-completion.md says: in a real bash, zsh and fish."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
BASH, ZSH, FISH = map(shutil.which, ("bash", "zsh", "fish"))
WAIT_S = 60.0
COMPLETED = [
    ("gpudrop tr", "transcribe"),
    ("gpudrop runs lo", "logs"),
    ("gpudrop transcribe --mod", "--model"),
    ("gpudrop config set vo", "voice"),
]


def _environment(home: Path) -> dict[str, str]:
    rest = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    return {**rest, "HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "dumb"}


def _bash(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    assert BASH is not None
    return subprocess.run(
        [BASH, "--noprofile", "--norc", "-c", script],
        env=_environment(home),
        capture_output=True,
        text=True,
        cwd=home,
    )


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize(("words", "completed"), COMPLETED)
def test_bash_completes_what_was_installed(tmp_path: Path, words: str, completed: str) -> None:
    """After `gpudrop --install-completion` a new bash completes commands, options and keys."""
    installed = _bash(tmp_path, "gpudrop --install-completion; exit $?")  # bash stays, to be found
    assert installed.returncode == 0, installed.stderr
    count = len(words.split()) - 1
    ask = f"source ~/.bashrc; COMP_WORDS=({words}); COMP_CWORD={count}; _gpudrop_completion gpudrop; "
    assert _bash(tmp_path, ask + 'printf "%s\\n" "${COMPREPLY[@]}"').stdout.split() == [completed]


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_the_script_can_be_had_without_a_change(tmp_path: Path) -> None:
    """`--show-completion` prints it and writes nothing."""
    ran = _bash(tmp_path, "gpudrop --show-completion; exit $?")
    assert ran.returncode == 0
    assert "complete -o default -F _gpudrop_completion gpudrop" in ran.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(FISH is None, reason="there is no fish")
@pytest.mark.parametrize(("words", "completed"), COMPLETED)
def test_fish_completes_what_was_installed(tmp_path: Path, words: str, completed: str) -> None:
    """After `gpudrop --install-completion` a new fish offers the same words, with their help."""
    assert FISH is not None
    for script in ("gpudrop --install-completion fish", f"complete -C '{words}'"):
        ran = subprocess.run(
            [FISH, "-c", script], env=_environment(tmp_path), capture_output=True, text=True, cwd=tmp_path, check=True
        )
    offered = [line.partition("\t")[0] for line in ran.stdout.splitlines() if line.strip()]
    assert offered == [completed]


@pytest.mark.skipif(ZSH is None, reason="there is no zsh")
@pytest.mark.parametrize(("words", "completed"), COMPLETED[:3])
def test_zsh_completes_what_was_installed(tmp_path: Path, words: str, completed: str) -> None:
    """After `gpudrop --install-completion` the second Tab in a new zsh completes the word; the first loads it."""
    assert ZSH is not None
    subprocess.run(
        [ZSH, "-f", "-c", "gpudrop --install-completion zsh; exit $?"],
        env=_environment(tmp_path),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    (tmp_path / ".zshenv").write_text("skip_global_compinit=1\n")
    with _terminal(ZSH, tmp_path) as (send, read_until):
        send("PS1=ready$((1)):\n")
        read_until("ready1:")
        send(f"{words}\t")
        read_until("\a")  # the first Tab of a session loads typer's script and completes nothing
        send("\t")
        read_until(completed.removeprefix(words.split()[-1]))
        # What stands on the line is printed, rather than run: Tab must have completed it, not listed it.
        send("\x01echo line: \n")
        assert read_until(f"line: {words.rpartition(' ')[0]} {completed}")


@contextlib.contextmanager
def _terminal(shell: str, home: Path) -> Iterator[tuple[Callable[[str], None], Callable[[str], bool]]]:
    """Run an interactive shell on a terminal; yield a function that types and one that waits for a text."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [shell, "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=_environment(home),
        cwd=home,
        start_new_session=True,
    )
    seen = ""

    def send(text: str) -> None:
        nonlocal seen
        seen = ""
        os.write(ours, text.encode())

    def read_until(text: str) -> bool:
        nonlocal seen
        until = time.monotonic() + WAIT_S
        while text not in seen:
            ready, _, _ = select.select([ours], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{text!r} did not appear: {seen!r}"
            seen += os.read(ours, 4096).decode("utf-8", "replace")
        return True

    try:
        yield send, read_until
    finally:
        process.kill()
        process.wait(20)
        os.close(ours)
        os.close(theirs)
