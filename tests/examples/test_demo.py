"""The demo's own failures are told with their reason."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from dispatcher.workers.process import ChildProcess

DEMO = Path(__file__).parent.parent.parent / "examples" / "jupyterlab" / "demo.py"


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """JupyterLab never moves to another port behind our back: the demo ends and shows why."""
    spec = importlib.util.spec_from_file_location("demo", DEMO)
    assert spec is not None
    assert spec.loader is not None
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        folders = dict.fromkeys(("config", "data", "runtime", "settings", "workspaces", "ipython", "mpl"), tmp_path)
        command = [*demo._environment(folders), *demo._command(port, tmp_path)]
        with ChildProcess(command, tmp_path / "jupyterlab.log") as server, pytest.raises(SystemExit, match=str(port)):
            demo.wait_until_ready(server, f"http://127.0.0.1:{port}/lab", "JupyterLab")
