"""Model files on the worker: found, fetched, and verified before anybody loads one.

Engines ask for a file by its name in the table and get a path. Where it came from (the cache on this machine, the
drop, or a download) is decided here; nothing else in the worker downloads anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from colab.models.cache import Cache
from colab.models.known import FILES
from colab.models.table import ModelFile, find
from protocol.errors import JobFailed

__all__ = ["ModelFile", "ModelPlaces", "Models"]


@dataclass(frozen=True, kw_only=True)
class ModelPlaces:
    """Where a worker may look for model files; what the bench is told of the worker's settings."""

    folder: Path | None = None  # the cache; the user's cache folder if not given
    drop: str | None = None  # the address of the drop, whose `_models/` all its workers share
    offline: bool = False  # download nothing
    token: str | None = field(default=None, repr=False)  # for Hugging Face, and nobody else


class Models:
    """The model files of this process. A path given out was verified by size and sha256 while this process lived."""

    def __init__(self, places: ModelPlaces, *, files: Mapping[str, ModelFile] = FILES) -> None:
        self._places, self._files = places, files
        self._cache = Cache(places.folder or platformdirs.user_cache_path("gpudrop") / "models")

    @property
    def offline(self) -> bool:
        """Say whether a file that is not present cannot be had."""
        return self._places.offline

    def present(self, name: str) -> bool:
        """Say whether a file is at hand without the network. Looks at its size only; `path` verifies."""
        return self._cache.holds(find(name, self._files))

    def path(self, name: str) -> Path:
        """Return a local file that has exactly the content the table names.

        Raises `JobFailed`: UNSUPPORTED when it cannot be had here, STORAGE when there is no room for it.
        """
        file = find(name, self._files)
        if self._cache.verified(file):
            return self._cache.path(file)
        raise JobFailed(
            f"the model file {name} is not on this worker: put it at {self._cache.path(file)}",
            code="UNSUPPORTED",
            retryable=True,
        )
