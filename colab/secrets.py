"""What a notebook on Colab was given under Secrets: this worker's key and whom it trusts."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from protocol.errors import EnvironmentNotReady

NAMES = {"auth": "GPUDROP_WORKER_AUTH", "key": "GPUDROP_WORKER_KEY", "trust": "GPUDROP_WORKER_TRUST"}
"""Setting → the name of its secret, which is that of its environment variable elsewhere."""


def on_colab() -> bool:
    """Say whether this is Colab's own runtime."""
    return importlib.util.find_spec("google") is not None and importlib.util.find_spec("google.colab") is not None


def colab_secrets() -> dict[str, Any]:
    """Return the settings that Colab's Secrets hold, nothing elsewhere; EnvironmentNotReady for one it may not read."""
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
                f"this notebook may not read the secret {name}. Switch on its Notebook access under the key symbol"
            ) from error
    return found
