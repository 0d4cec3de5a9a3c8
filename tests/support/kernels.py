"""The real notebook in a real IPython kernel: its cells run one by one, interrupted and killed as a user does it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from dispatcher.workers.package import notebook
from tests.support.drops import OFFLINE, wait_for

FORM = {
    "DROP": "",
    "INSTALL": False,
    "MOUNT_DRIVE": False,
    "ENGINES": "",
    "KINDS": "",
    "IDLE_MINUTES": 30,
    "SESSION_HOURS": 0,
    "I_AGREE_TO_THE_TERMS": True,
}
COLAB = Path(__file__).parent / "fake_colab"
"""A package `google.colab` as far as the notebook uses it; what it was asked to do is in the file FAKE_COLAB_LOG."""

CHILDREN = (
    "import multiprocessing; print('bench', *[child.pid for child in multiprocessing.active_children()"
    " if child.name == 'gpudrop-bench'])"
)
"""Code that prints the workbenches of a kernel."""


def cell(tag: str) -> str:
    """Return the code of a cell of the notebook."""
    cells = json.loads(notebook().read_text("utf-8"))["cells"]
    [source] = ["".join(cell["source"]) for cell in cells if tag in cell["metadata"].get("tags", [])]
    return source


@dataclass
class Ran:
    """What a cell has printed so far, the error that it ended with as the notebook shows it, and whether it ended."""

    request: str
    text: str = ""
    error: str | None = None
    ended: bool = False

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take in a message of the kernel."""
        if message["parent_header"].get("msg_id") != self.request:
            return
        told = message["content"]
        match message["msg_type"]:
            case "stream":
                self.text += told["text"]
            case "error":
                self.error = "\n".join(told["traceback"])
            case "status":
                self.ended = told["execution_state"] == "idle"


@dataclass
class Kernel:
    """A kernel and what its user does."""

    manager: KernelManager
    client: Any
    ran: Ran | None = None

    def start(self, code: str) -> Ran:
        """Run code; return what it prints while it runs."""
        self.ran = Ran(self.client.execute(code, allow_stdin=False))
        return self.ran

    def run(self, code: str, seconds: float = 240) -> Ran:
        """Run code to its end."""
        self.start(code)
        return self.end(seconds)

    def end(self, seconds: float = 240) -> Ran:
        """Wait for the end of what runs."""
        ran = self.ran
        assert ran is not None
        wait_for(lambda: self.listen() and ran.ended, seconds)
        return ran

    def listen(self) -> bool:
        """Take in what the kernel has said meanwhile."""
        with contextlib.suppress(queue.Empty):
            while self.ran is not None:
                self.ran.hear(self.client.get_iopub_msg(timeout=0.05))
        return True

    def form(self, **values: Any) -> None:
        """Fill in the form."""
        told = {**FORM, **values}
        assert self.run("\n".join(f"{name} = {value!r}" for name, value in told.items())).error is None

    def serve(self) -> Ran:
        """Run the last cell, and return when its worker has announced itself."""
        ran = self.start(cell("run"))
        wait_for(lambda: self.listen() and (" serves " in ran.text or ran.ended))
        assert " serves " in ran.text, ran
        return ran

    def interrupt(self) -> None:
        """Press the notebook's stop button."""
        self.manager.interrupt_kernel()

    @property
    def pid(self) -> int:
        """Return the kernel's process."""
        return int(self.manager.provisioner.process.pid)  # type: ignore[union-attr]


@contextlib.contextmanager
def kernel(folder: Path, *, python: str = sys.executable, env: Mapping[str, str] | None = None) -> Iterator[Kernel]:
    """Start a kernel for the length of a block; `folder` is where it runs."""
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}"])
    manager.start_kernel(cwd=str(folder), env={**OFFLINE, **(env or {})})
    client = manager.blocking_client()
    client.start_channels()
    made = Kernel(manager, client)
    try:
        client.wait_for_ready(60)
        yield made
    finally:
        manager.shutdown_kernel(now=True)
        client.stop_channels()
        manager.cleanup_resources()


def on_colab(log: Path) -> dict[str, str]:
    """Return the environment of a kernel that finds itself on Colab; what it asks of Colab is written to `log`."""
    log.touch()
    return {"PYTHONPATH": os.pathsep.join([str(COLAB), str(Path(__file__).parents[2])]), "FAKE_COLAB_LOG": str(log)}
