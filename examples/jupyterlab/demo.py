"""`make demo`: records a tour of a real JupyterLab; the notebook at the other end of a folder speaks the narration.

Starts JupyterLab and the notebook on throw-away folders, records, and stops both, also when interrupted. What it does
is told on stderr; the film's path is the last line on stdout.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dispatcher.workers.notebook import NotebookWorker
from dispatcher.workers.process import ChildProcess

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from staging import ROOT, free_port, record, run, say, wait_until_ready  # noqa: E402  # the examples are no package

TOUR = HERE / "tour.json"
FILM = "jupyterlab-tour.mp4"

# What would open over the page that is filmed: the question whether to fetch news, and what it brings.
QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}


def _film(output: Path, scratch: Path, stack: contextlib.ExitStack) -> int:
    drop = scratch / "drop"
    say(f"making the drop {drop}")
    _gpudrop("init", "--drop", str(drop), "--no-default")
    say("starting colab/worker.ipynb on it, and JupyterLab")
    stack.enter_context(NotebookWorker(drop, output / "notebook.log"))
    url = stack.enter_context(jupyterlab(scratch / "jupyter", output / "jupyterlab.log"))
    stack.callback(say, "stopping JupyterLab and the notebook")
    say(f"recording {TOUR.relative_to(ROOT)} at {url}")
    options = ("--tts-backend", "colab", "--drop", str(drop), "--base-url", url)
    return record(TOUR, output / FILM, scratch / "data", *options)


def _gpudrop(*arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("gpudrop")), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def jupyterlab(home: Path, log: Path) -> Iterator[str]:
    """Run a JupyterLab that ignores the user's own configuration; yield its address once it answers."""
    folders = {
        name: home / name for name in ("config", "data", "runtime", "settings", "workspaces", "ipython", "mpl", "work")
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
    notification = folders["settings"] / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    notification.parent.mkdir(parents=True)
    notification.write_text(json.dumps(QUIET))
    port = free_port()
    environment = _environment(folders)
    with ChildProcess([*environment, *_command(port, folders["work"])], log) as server:
        # The first import of matplotlib looks at every font, and says so where the film would show it.
        subprocess.run([*environment, sys.executable, "-c", "import matplotlib.pyplot"], check=True)
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(server, f"{url}/lab", "JupyterLab")
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


if __name__ == "__main__":
    about = "Film the JupyterLab tour through a folder and a notebook."
    sys.exit(run(_film, FILM, about, ROOT / "demo-output"))
