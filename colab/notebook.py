"""What the notebook's last cell calls: the same worker, with the consent Colab's terms ask for and an idle stop."""

from __future__ import annotations

import importlib.util
import logging
import sys

from colab.config import Settings
from colab.worker import make_worker, serve_until_signalled
from protocol.errors import UsageError


def run(drop: str, *, kinds: str = "", idle_exit_s: float = 1800, consent: bool = False) -> None:
    """Serve `drop` until idle for `idle_exit_s`, then give the runtime back. Without `consent` nothing starts."""
    if not consent:
        raise UsageError("Read the policy box at the top of the notebook, then tick the consent and run again")
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout, force=True
    )
    wanted = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
    serve_until_signalled(make_worker(Settings(drop=drop, kinds=wanted, idle_exit_s=idle_exit_s)))
    _release_runtime()


def _release_runtime() -> None:
    """Give Colab's runtime back, so that an idle GPU costs nobody anything. Elsewhere there is nothing to give back."""
    if importlib.util.find_spec("google") is None or importlib.util.find_spec("google.colab") is None:
        return
    runtime = importlib.import_module("google.colab.runtime")
    runtime.unassign()
