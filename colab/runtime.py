"""What Colab's runtime gives a notebook: the Secrets of its user, and a machine for a limited time."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from protocol.errors import EnvironmentNotReady

NAMES = {"auth": "GPUDROP_WORKER_AUTH", "key": "GPUDROP_WORKER_KEY", "trust": "GPUDROP_WORKER_TRUST"}
"""Setting → the name of its secret, which is also that of its environment variable."""


def on_colab() -> bool:
    """Say whether this is Colab's own runtime."""
    return importlib.util.find_spec("google") is not None and importlib.util.find_spec("google.colab") is not None


def colab_secrets() -> dict[str, Any]:
    """Return the settings in Colab's Secrets, none elsewhere; EnvironmentNotReady if access to one is denied."""
    if not on_colab():
        return {}
    userdata = importlib.import_module("google.colab.userdata")
    found = {}
    for setting, name in NAMES.items():
        try:
            found[setting] = str(userdata.get(name)).strip()
        except userdata.SecretNotFoundError:
            continue
        except userdata.NotebookAccessError as error:
            raise EnvironmentNotReady(
                f"this notebook may not read the secret {name}. Turn on its Notebook access (key symbol on the left)"
            ) from error
    return found


def session_left_s(session_s: float) -> float | None:
    """Return how long Colab still lends this machine, by how long it has been up; None past that time, or elsewhere.

    Past the limit Colab evidently lends it for longer than was thought, so no limit is known.
    """
    if not on_colab():
        return None
    try:
        up_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError):
        return None
    return session_s - up_s if up_s < session_s else None


def release_runtime() -> None:
    """Give Colab's runtime back, so that an idle GPU costs nothing. Elsewhere do nothing."""
    if on_colab():
        importlib.import_module("google.colab.runtime").unassign()
