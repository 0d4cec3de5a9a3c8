"""`make demo`: films a tour of a real JupyterLab, its narration spoken by the notebook at the other end of a folder.

Starts JupyterLab and the notebook on throw-away folders, records, and stops both, also when interrupted. What it does
is told on stderr; the film's path is the last line on stdout.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from dispatcher.workers.notebook import NotebookWorker
from dispatcher.workers.process import ChildProcess

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOUR = HERE / "tour.json"
FILM = "jupyterlab-tour.mp4"
READY_S = 120.0  # the first start on a slow machine compiles everything it imports
FAREWELL_S = 30.0
INTERRUPTED = 130

# What would open over the page that is filmed: the question whether to fetch news, and what it brings.
QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the film; return the recorder's exit code."""
    parser = argparse.ArgumentParser(description="Film the JupyterLab tour through a folder and a notebook.")
    parser.add_argument("--output", type=Path, default=ROOT / "demo-output", help="where the film and the logs go")
    output: Path = parser.parse_args(arguments).output.absolute()
    signal.signal(signal.SIGTERM, _terminated)
    started = time.monotonic()
    try:
        code = _film(output)
    except KeyboardInterrupt:
        code = INTERRUPTED
    ended = {0: "done", INTERRUPTED: "interrupted"}.get(code, f"failed with exit code {code}; logs are in {output}")
    say(ended, since=started)
    if code == 0:
        sys.stdout.write(f"{output / FILM}\n")
    return code


def _terminated(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


def say(text: str, *, since: float | None = None) -> None:
    """Tell what the demo does now."""
    took = "" if since is None else f" ({time.monotonic() - since:.0f} s)"
    sys.stderr.write(f"demo: {text}{took}\n")
    sys.stderr.flush()


def _film(output: Path) -> int:
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        scratch = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="gpudrop-demo-", ignore_cleanup_errors=True))
        )
        drop = scratch / "drop"
        say(f"making the drop {drop}")
        _gpudrop("init", "--drop", str(drop))
        say("starting colab/worker.ipynb on it, and JupyterLab")
        stack.enter_context(NotebookWorker(drop, output / "notebook.log"))
        url = stack.enter_context(jupyterlab(scratch / "jupyter", output / "jupyterlab.log"))
        stack.callback(say, "stopping JupyterLab and the notebook")
        say(f"recording {TOUR.relative_to(ROOT)} at {url}")
        return _record(url, drop, scratch / "data", output)


def _gpudrop(*arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("gpudrop")), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _record(url: str, drop: Path, data: Path, output: Path) -> int:
    """Run the recorder. Its runs are kept apart from the user's own, so that nothing is reused from an earlier one."""
    command = ["env", f"GPUDROP_DATA_DIR={data}", sys.executable, str(ROOT / "record_tour.py"), str(TOUR)]
    command += ["--tts-backend", "colab", "--colab-drive-path", str(drop), "--base-url", url]
    command += ["--work-dir", str(output / "work"), "--output", str(output / FILM)]
    recorder = subprocess.Popen(command, stdout=sys.stderr)
    try:
        return recorder.wait()
    finally:
        _end(recorder)


def _end(recorder: subprocess.Popen[bytes]) -> None:
    """Let the recorder close its browser; on Ctrl-C the terminal has told it already, and twice does no harm."""
    if recorder.poll() is not None:
        return
    recorder.send_signal(signal.SIGINT)
    try:
        recorder.wait(FAREWELL_S)
    except subprocess.TimeoutExpired:
        recorder.kill()
        recorder.wait()


@contextlib.contextmanager
def jupyterlab(home: Path, log: Path) -> Iterator[str]:
    """Run a JupyterLab that knows nothing of the user's own; yield its address once it answers."""
    folders = {
        name: home / name for name in ("config", "data", "runtime", "settings", "workspaces", "ipython", "mpl", "work")
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
    notification = folders["settings"] / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    notification.parent.mkdir(parents=True)
    notification.write_text(json.dumps(QUIET))
    port = _free_port()
    environment = _environment(folders)
    with ChildProcess([*environment, *_command(port, folders["work"])], log) as server:
        # The first import of matplotlib looks at every font, and says so where the film would show it.
        subprocess.run([*environment, sys.executable, "-c", "import matplotlib.pyplot"], check=True)
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(server, url)
        yield url


def _environment(folders: dict[str, Path]) -> list[str]:
    names = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "mpl",
    }
    return ["env", "JUPYTER_PREFER_ENV_PATH=1", *(f"{name}={folders[folder]}" for name, folder in names.items())]


def _command(port: int, work: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        # No token: it listens on this machine only, for a minute, on an empty folder.
        *("--IdentityProvider.token=", "--PasswordIdentityProvider.hashed_password="),
        *(f"--ServerApp.root_dir={work}", "--LabApp.extension_manager=readonly", "--LabApp.news_url="),
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(server: ChildProcess, url: str) -> None:
    end = time.monotonic() + READY_S
    while not _answers(url):
        if not server.alive() or time.monotonic() > end:
            last = "\n".join(server.log.read_text(errors="replace").splitlines()[-5:])
            raise SystemExit(f"demo: JupyterLab did not start; the end of {server.log}:\n{last}")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy to this machine
    try:
        with opener.open(f"{url}/lab", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
