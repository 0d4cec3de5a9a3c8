"""Shell completion, as docs/shell-completion.md says it is set up: in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
BASH = shutil.which("bash")


def _bash(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    assert BASH is not None
    environment = {**os.environ, "HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run(
        [BASH, "--noprofile", "--norc", "-c", script], env=environment, capture_output=True, text=True, cwd=home
    )


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("gpudrop tr", ["transcribe"]),
        ("gpudrop runs lo", ["logs"]),
        ("gpudrop transcribe --mod", ["--model"]),
        ("gpudrop config set vo", ["voice"]),
    ],
)
def test_bash_completes_what_was_installed(tmp_path: Path, words: str, completed: list[str]) -> None:
    """After `gpudrop --install-completion` a new bash completes commands, options and keys."""
    installed = _bash(tmp_path, "gpudrop --install-completion; exit $?")  # bash stays, to be found
    assert installed.returncode == 0, installed.stderr
    count = len(words.split()) - 1
    ask = f"source ~/.bashrc; COMP_WORDS=({words}); COMP_CWORD={count}; _gpudrop_completion gpudrop; "
    assert _bash(tmp_path, ask + 'printf "%s\\n" "${COMPREPLY[@]}"').stdout.split() == completed


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_the_script_can_be_had_without_a_change(tmp_path: Path) -> None:
    """`--show-completion` prints it and writes nothing."""
    ran = _bash(tmp_path, "gpudrop --show-completion; exit $?")
    assert ran.returncode == 0
    assert "complete -o default -F _gpudrop_completion gpudrop" in ran.stdout
    assert list(tmp_path.iterdir()) == []
