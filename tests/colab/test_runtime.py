"""What a notebook finds under Colab's Secrets."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from colab import runtime
from colab.config import WorkerSettings
from protocol.errors import EnvironmentNotReady
from protocol.signing import new_key

OURS, THEIRS = new_key("worker"), new_key("dispatcher")


@pytest.fixture
def userdata(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Colab's own module, with three secrets that this notebook may read."""
    module: Any = ModuleType("google.colab.userdata")
    module.SecretNotFoundError = type("SecretNotFoundError", (Exception,), {})
    module.NotebookAccessError = type("NotebookAccessError", (Exception,), {})
    module.kept = {
        "GPUDROP_WORKER_AUTH": "require",
        "GPUDROP_WORKER_KEY": f" {OURS.spell_secret()}\n",
        "GPUDROP_WORKER_TRUST": str(THEIRS.public),
    }

    def get(name: str) -> str:
        if name not in module.kept:
            raise module.SecretNotFoundError(name)
        if module.kept[name] is None:
            raise module.NotebookAccessError(name)
        return str(module.kept[name])

    module.get = get
    for name, made in (("google", ModuleType("google")), ("google.colab", ModuleType("google.colab")), ("", module)):
        made.__spec__ = ModuleSpec(name or module.__name__, None)
        made.__path__ = []
        monkeypatch.setitem(sys.modules, name or module.__name__, made)
    return module


def test_a_worker_is_who_the_secrets_say(userdata: Any, tmp_path: Any) -> None:
    """Key, trust and mode from Secrets make the worker sign and demand signatures, with no file and no keyring."""
    settings = WorkerSettings(drop="memory:x", keys_dir=tmp_path, **runtime.colab_secrets())
    found = settings.identity()
    assert found.key == OURS
    assert found.trust.mode == "require"
    assert found.trust.dispatcher_keys == (THEIRS.public,)
    assert OURS.spell_secret()[-43:] not in repr(settings)


def test_what_is_not_there_is_left_out(userdata: Any, tmp_path: Any) -> None:
    """Without secrets a worker signs nothing; with require and no key it does not start, and says where to put one."""
    userdata.kept.clear()
    assert runtime.colab_secrets() == {}
    userdata.kept["GPUDROP_WORKER_AUTH"] = "require"
    settings = WorkerSettings(drop="memory:x", keys_dir=tmp_path, **runtime.colab_secrets())
    with pytest.raises(EnvironmentNotReady, match="GPUDROP_WORKER_KEY"):
        settings.identity()


def test_a_secret_without_access_says_how_to_give_it(userdata: Any) -> None:
    """Colab asks for each notebook and secret; a forbidden one is an error, never a worker without signatures."""
    userdata.kept["GPUDROP_WORKER_KEY"] = None
    with pytest.raises(EnvironmentNotReady, match="Notebook access"):
        runtime.colab_secrets()


def test_elsewhere_there_are_none() -> None:
    """Away from Colab nothing is asked."""
    assert not runtime.on_colab()
    assert runtime.colab_secrets() == {}
