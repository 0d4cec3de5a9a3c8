"""Model files on the worker: found, fetched, and verified before anybody loads one.

Engines ask for a file by its name in the table and get a path. Where it came from (the cache on this machine, the
drop, or a download) is decided here; nothing else in the worker downloads anything.
"""

from __future__ import annotations

import copy
import errno
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from colab.models.cache import Cache
from colab.models.known import FILES
from colab.models.shelf import Shelf
from colab.models.table import HOSTS, Host, ModelFile, find
from colab.models.telling import Tell, Teller
from protocol.errors import JobFailed

__all__ = ["ModelFile", "ModelPlaces", "Models"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ModelPlaces:
    """Where a worker may look for model files; what the bench is told of the worker's settings."""

    folder: Path | None = None  # the cache; the user's cache folder if not given
    drop: str | None = None  # the address of the drop, whose `_models/` all its workers share
    offline: bool = False  # download nothing
    token: str | None = field(default=None, repr=False)  # for Hugging Face, and nobody else
    provider: str | None = None  # where models must run, as ONNX Runtime calls it; the best there is if not given


class Models:
    """The model files of this process. A path given out was verified by size and sha256 while this process lived."""

    def __init__(
        self,
        places: ModelPlaces,
        *,
        files: Mapping[str, ModelFile] = FILES,
        hosts: Mapping[Host, str] = HOSTS,
        tell: Tell = lambda _: None,
    ) -> None:
        self._places, self._files, self._hosts, self._tell = places, files, hosts, tell
        self._cache = Cache(places.folder or platformdirs.user_cache_path("gpudrop") / "models")
        self._shelf = Shelf(places.drop)

    @property
    def offline(self) -> bool:
        """Say whether a file that is not present cannot be had."""
        return self._places.offline

    @property
    def provider(self) -> str | None:
        """Say where models must run, None when engines may choose."""
        return self._places.provider

    def sha256(self, name: str) -> str:
        """Return the digest that decides what a file is."""
        return find(name, self._files).sha256

    def telling(self, tell: Tell) -> Models:
        """Return the same model files for somebody who is told of downloads, and may end one by raising."""
        same = copy.copy(self)
        same._tell = tell
        return same

    def present(self, name: str) -> bool:
        """Say whether a file is at hand, here or in the drop, without a download. `path` verifies its content."""
        file = find(name, self._files)
        return self._cache.holds(file) or bool(self._shelf.copies(file))

    def path(self, name: str) -> Path:
        """Return a local file that has exactly the content the table names, fetching it if it is not here.

        Raises `JobFailed`: UNSUPPORTED when it cannot be had here, STORAGE when there is no room for it.
        """
        file = find(name, self._files)
        with _storing(file, self._cache.folder):
            if not self._cache.verified(file):
                self._fetch_once(file)
            return self._cache.path(file)

    def _fetch_once(self, file: ModelFile) -> None:
        """Fetch a file while every other process that wants it waits, and then finds it."""
        teller = Teller(file, self._tell)
        with self._cache.locked(file, lambda: teller.say(f"another process is fetching {file.name}")):
            try:
                if not self._cache.verified(file) and not self._from_drop(file):
                    self._from_afar(file, teller)
            except OSError as problem:
                if problem.errno in _FULL:
                    self._cache.forget_unfinished(file)
                raise

    def _from_drop(self, file: ModelFile) -> bool:
        """Copy a file from the drop and say whether it is good."""
        for number in self._shelf.copies(file):
            log.info("copying %s (%d bytes) from the drop", file.name, file.size)
            fetched = self._cache.beside(file, ".copy")
            if not self._shelf.copy_out(file, number, fetched):
                continue
            found = self._cache.adopt(file, fetched)
            if found is None:
                return True
            log.warning("%s in the drop is not used: expected sha256 %s, found %s", file.name, file.sha256, found)
        return False

    def _from_afar(self, file: ModelFile, teller: Teller) -> None:
        """Download a file, and offer it to the other workers of the drop."""
        if self._places.offline:
            raise _offline(file, self._cache.path(file))
        self._download(file, teller)
        log.info("%s is here and verified", file.name)
        self._shelf.offer(file, self._cache.path(file))

    def _download(self, file: ModelFile, teller: Teller) -> None:
        """Download a file into the cache. One that was pieced together wrongly is downloaded once more, whole."""
        from colab.models.download import Download  # a worker that downloads nothing does not load the HTTP client

        part = self._cache.beside(file, ".part")
        token = self._places.token if file.host == "huggingface" else None
        address = file.address(self._hosts)
        for _ in range(2):
            download = Download(file, part, address=address, token=token, arrived=teller.arrived)
            download.run()
            found = self._cache.adopt(file, part)
            download.discard()
            if found is None:
                return
            if not download.pieced:
                break
            log.warning("what was downloaded of %s in several pieces does not fit together: once more", file.name)
        raise _wrong(file, address, found)


def _offline(file: ModelFile, path: Path) -> JobFailed:
    return JobFailed(
        f"the model file {file.name} is not on this worker, and it may not download (GPUDROP_WORKER_OFFLINE or "
        f"HF_HUB_OFFLINE is set): put the file with sha256 {file.sha256} at {path}, or allow downloads",
        code="UNSUPPORTED",
        retryable=True,
    )


def _wrong(file: ModelFile, address: str, found: str | None) -> JobFailed:
    return JobFailed(
        f"{address} is not the model file {file.name} and was deleted: expected {file.size} bytes with sha256 "
        f"{file.sha256}, found {found}. Something between here and there answers instead (a proxy, a login page), or "
        f"the file was replaced",
        code="UNSUPPORTED",
        retryable=True,
    )


@contextmanager
def _storing(file: ModelFile, folder: Path) -> Iterator[None]:
    """Map what a disk raises to STORAGE, with the cure."""
    try:
        yield
    except OSError as problem:
        full = problem.errno in _FULL
        why = "no room left" if full else str(problem)
        cure = "Free some" if full else "Give this user the right to read and write there"
        raise JobFailed(
            f"the model file {file.name} cannot be kept in {folder}: {why}. {cure}, or set GPUDROP_WORKER_MODELS_DIR "
            f"to a folder on another disk",
            code="STORAGE",
            retryable=True,
        ) from problem
