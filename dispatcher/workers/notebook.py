"""The worker notebook on this machine, as Colab runs it: in a Jupyter kernel, through papermill."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from dispatcher.workers.package import notebook
from dispatcher.workers.process import GRACE_S, ChildProcess
from gpudrop_start import MODULE

IDLE_MINUTES = 30.0


class NotebookWorker(ChildProcess):
    """`colab/worker.ipynb` on `drop`, without installing and mounting. The output of its cells goes to `log`.

    The executed notebook is written beside the log. papermill forwards an interrupt to the kernel, so that the worker
    releases its job; SIGTERM would end papermill alone.
    """

    stop_signal = signal.SIGINT

    def __init__(self, drop: Path, log: Path, *, idle_minutes: float = IDLE_MINUTES, grace_s: float = GRACE_S) -> None:
        ran = log.with_suffix(".ipynb")
        command = [sys.executable, *MODULE, "papermill", str(notebook()), str(ran), "--kernel", "python3"]
        command += ["--no-progress-bar", "--log-output", "--parameters_raw", "DROP", str(drop)]
        parameters = {
            "INSTALL": False,
            "ENGINES": "",
            "MOUNT_DRIVE": False,
            "I_AGREE_TO_THE_TERMS": True,
            "IDLE_MINUTES": idle_minutes,
        }
        for name, value in parameters.items():
            command += ["-p", name, str(value)]
        super().__init__(command, log, grace_s=grace_s)
