"""Model files on the worker: found, fetched, and verified before anybody loads one.

Engines ask for a file by its name in the table and get a path. Where it came from (the cache on this machine, the
drop, or a download) is decided here; nothing else in the worker downloads anything.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from colab.models.cache import Cache
from colab.models.errors import UnsafeWeights, WrongContent, gone, offline, storing, wrong
from colab.models.known import FILES
from colab.models.shelf import Shelf
from colab.models.table import HOSTS, Host, Model, ModelFile, find, members
from colab.models.telling import DownloadReporter, Tell, Watch, nobody
from colab.models.weights import check_weights
from protocol.errors import JobFailed, is_full

__all__ = ["Model", "ModelFile", "ModelPlaces", "Models", "UnsafeWeights", "WrongContent", "check_weights"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ModelPlaces:
    """Where a worker may look for model files; and what else the bench is told of the worker's settings."""

    folder: Path | None = None  # the cache; the user's cache folder if not given
    drop: str | None = None  # the address of the drop, whose `_models/` all its workers share
    offline: bool = False  # download nothing
    token: str | None = field(default=None, repr=False)  # for Hugging Face, and nobody else
    provider: str | None = None  # where models must run, as ONNX Runtime calls it; the best there is if not given
    owned: tuple[Model, ...] = ()  # what the worker's owner added to the table
    ffmpeg: Path | None = None  # the ffmpeg to use; what the system has, or the embedded one, if not given


class Models:
    """The model files of this process. A path given out was verified by size and sha256 while this process lived."""

    def __init__(
        self,
        places: ModelPlaces,
        *,
        files: Mapping[str, ModelFile] = FILES,
        hosts: Mapping[Host, str] = HOSTS,
        tell: Tell = lambda _: None,
        watch: Watch = nobody,
    ) -> None:
        owned = {file.name: file for model in places.owned for file in model.files}
        self._places, self._files, self._hosts = places, {**owned, **files}, hosts
        self._tell, self._watch = tell, watch
        self._looked_into: set[str] = set()  # digests of the owner's files that hold data only
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

    def owned(self, kind: str) -> tuple[str, ...]:
        """Return the names of the models for a kind of work that the worker's owner added."""
        return tuple(model.name for model in self._places.owned if model.kind == kind)

    def files(self, name: str) -> tuple[str, ...]:
        """Return the names of the files of a model: of one with several `<name>/<path>`, else `name` itself."""
        if name in self._files:
            return (name,)
        return tuple(file.name for file in members(name, self._files).values())

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
        with storing(file, self._cache.folder):
            if not self._cache.verified(file):
                self._fetch_once(file)
            self._look_into(file)
            return self._cache.path(file)

    def folder(self, name: str) -> Path:
        """Return a local folder with all the files of a model under the names that its library looks for.

        `folder("whisper-small")` holds `model.bin`, `config.json` and so on. Raises as `path` does.
        """
        files = members(name, self._files)
        paths = {path: self.path(file.name) for path, file in files.items()}
        folder = folder_of(self._cache.folder, name, files)
        with storing(next(iter(files.values())), self._cache.folder):
            put_together(folder, paths)
        return folder

    def offer(self, name: str) -> bool:
        """Put a file that is here into the drop for its other workers, and say whether it is there now."""
        file = find(name, self._files)
        if not self._shelf.copies(file):
            self._shelf.offer(file, self.path(name))
        return bool(self._shelf.copies(file))

    def cached(self, name: str) -> Path | None:
        """Return where a file lies on this machine, at its full size and not read again; None if it does not."""
        file = find(name, self._files)
        return self._cache.path(file) if self._cache.holds(file) else None

    def was_verified(self, name: str) -> bool:
        """Say whether the file that is here was found right by this process or an earlier one. Nothing is read."""
        return self._cache.was_verified(find(name, self._files))

    def shelved(self, names: Iterable[str]) -> frozenset[str]:
        """Return those of the files that the drop has at their full size, in one look."""
        files = [find(name, self._files) for name in names]
        there = self._shelf.holding(files)
        return frozenset(file.name for file in files if file.sha256 in there)

    def verify(self, name: str) -> bool | None:
        """Read a file of this machine anew: whether it is what the table says, or None if there is none."""
        file = find(name, self._files)
        if not self._cache.path(file).exists():
            return None
        return self._cache.verified(file)

    def verify_shelved(self, name: str) -> bool | None:
        """Copy a file out of the drop and read it: whether every copy there is right, or None if there is none."""
        file = find(name, self._files)
        right = []
        for number in self._shelf.copies(file):
            looked_at = self._cache.beside(file, ".copy")
            with self._cache.locked(file, lambda: None):
                if self._shelf.copy_out(file, number, looked_at):
                    right.append(self._cache.is_right(file, looked_at))
                looked_at.unlink(missing_ok=True)
        return all(right) if right else None

    def keep(self, name: str, source: Path) -> None:
        """Copy a file of this machine into the cache. Raises `WrongContent` if it is not the one of that name."""
        file = find(name, self._files)
        with storing(file, self._cache.folder):
            if not self._cache.verified(file) and (found := self._cache.copy_in(file, source)) is not None:
                raise wrong(file, str(source), found)

    def forget(self, name: str) -> bool:
        """Delete a file from the cache, and say whether it was there. The drop keeps its own."""
        return self._cache.drop(find(name, self._files))

    def forget_folder(self, name: str) -> None:
        """Delete the links that `folder` made; the files that they lead to stay."""
        with contextlib.suppress(JobFailed):  # a model of one file has no folder
            shutil.rmtree(folder_of(self._cache.folder, name, members(name, self._files)), ignore_errors=True)

    def _look_into(self, file: ModelFile) -> None:
        """Raise `UnsafeWeights` for an owner's file that could run code. Of the table's own the digests decide."""
        if file.host == "owner" and file.sha256 not in self._looked_into:
            check_weights(self._cache.path(file))
            self._looked_into.add(file.sha256)

    def _fetch_once(self, file: ModelFile) -> None:
        """Fetch a file while every other process that wants it waits, and then finds it."""
        teller = DownloadReporter(file, self._tell, self._watch)
        with self._cache.locked(file, lambda: teller.say(f"another process is fetching {file.name}")):
            try:
                if not self._cache.verified(file) and not self._from_drop(file):
                    self._from_afar(file, teller)
            except OSError as problem:
                if is_full(problem):
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

    def _from_afar(self, file: ModelFile, teller: DownloadReporter) -> None:
        """Download a file, and offer it to the other workers of the drop."""
        if file.host == "owner":
            raise gone(file, self._cache.path(file))
        if self._places.offline:
            raise offline(file, self._cache.path(file))
        self._download(file, teller)
        log.info("%s is here and verified", file.name)
        self._shelf.offer(file, self._cache.path(file))

    def _download(self, file: ModelFile, teller: DownloadReporter) -> None:
        """Download a file into the cache. One that was pieced together wrongly is downloaded once more, whole."""
        from colab.models.download import Download  # a worker that downloads nothing does not load the HTTP client

        part = self._cache.beside(file, ".part")
        token = self._places.token if file.host == "huggingface" else None
        address = file.address(self._hosts)
        for _ in range(2):
            download = Download(
                file, part, address=address, token=token, arrived=teller.arrived, place=self._cache.path(file)
            )
            download.run()
            found = self._cache.adopt(file, part)
            download.discard()
            if found is None:
                return
            if not download.pieced:
                break
            log.warning("what was downloaded of %s in several pieces does not fit together: once more", file.name)
        raise wrong(file, address, found)


def folder_of(cache: Path, name: str, files: Mapping[str, ModelFile]) -> Path:
    """Return where the folder of a model with these files lies, or would."""
    told = "\n".join(f"{path} {file.sha256}" for path, file in sorted(files.items()))
    return cache / "_folders" / f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def put_together(folder: Path, paths: Mapping[str, Path]) -> None:
    """Have each file in `folder` under its path there. What is there already and the same stays."""
    for name, source in paths.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _same(target, source):
            _link(source, target)


def _same(target: Path, source: Path) -> bool:
    try:
        return target.samefile(source)
    except OSError:
        return False


def _link(source: Path, target: Path) -> None:
    """Link, or copy where nothing can be linked; another process that does the same is not disturbed."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    for make in (os.symlink, os.link, shutil.copyfile):
        with contextlib.suppress(OSError, NotImplementedError):
            make(source.resolve(), beside)
            break
    beside.replace(target)
