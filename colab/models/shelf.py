"""The model files in the drop: fetched once from afar, then shared by all its workers.

The drop helps or it does not: nothing that goes wrong here ends a job. What is copied out is checked by the caller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from colab.models.table import ModelFile
from protocol.drop import Drop
from protocol.errors import GpudropError, NameMissing, NameTaken
from protocol.layout import MODELS, model_file, model_folder
from protocol.transports import open_drop

_T = TypeVar("_T")

log = logging.getLogger(__name__)


class Shelf:
    """`_models/` of the drop at `address`; without an address there is nothing on it."""

    def __init__(self, address: str | None) -> None:
        self._address = address

    def copies(self, file: ModelFile) -> tuple[int, ...]:
        """Return which copies of a file are listed at their full size; one that is still being synced is not."""
        return self._ask(lambda drop: _copies(drop, file), f"{file.name} is not looked for in the drop") or ()

    def holding(self, files: Iterable[ModelFile]) -> frozenset[str]:
        """Return the digests of those of the files that are listed at their full size, in one look."""

        def act(drop: Drop) -> frozenset[str]:
            folders = {entry.name for entry in drop.list(MODELS) if entry.is_folder}
            asked = [file for file in files if file.sha256[:16] in folders]
            return frozenset(file.sha256 for file in asked if _copies(drop, file))

        return self._ask(act, "the model files of the drop are not listed") or frozenset()

    def copy_out(self, file: ModelFile, copy: int, target: Path) -> bool:
        """Copy one out to `target` and say whether that went well. Its content is not checked yet."""

        def act(drop: Drop) -> bool:
            drop.copy_out(model_file(file.sha256, file.file_name), target, limit=file.size, copy=copy)
            return True

        return self._ask(act, f"{file.name} is not copied from the drop") or False

    def offer(self, file: ModelFile, local: Path) -> None:
        """Put a verified file where the drop's other workers find it, if nothing is there."""

        def act(drop: Drop) -> None:
            drop.make_folder(model_folder(file.sha256))
            drop.copy_in(local, model_file(file.sha256, file.file_name))
            log.info("%s is in the drop now, for its other workers", file.name)

        self._ask(act, f"{file.name} is not put into the drop")

    def _ask(self, act: Callable[[Drop], _T], without: str) -> _T | None:
        """Open the drop for one act. A failure is said in the log, after the words `without`, and is None."""
        if self._address is None:
            return None
        try:
            with closing(open_drop(self._address)) as drop:
                return act(drop)
        except (NameMissing, NameTaken) as problem:
            log.debug("%s: %s", without, problem)
        except GpudropError as problem:
            log.warning("%s: %s", without, problem)
        return None


def _copies(drop: Drop, file: ModelFile) -> tuple[int, ...]:
    listed = [entry for entry in drop.list(model_folder(file.sha256)) if entry.name == file.file_name]
    if unlike := [entry for entry in listed if entry.size != file.size or entry.is_folder]:
        log.warning(
            "%s in the drop has %d of %d bytes: it is still being synced, or torn. If it stays so, delete it",
            model_file(file.sha256, file.file_name), unlike[0].size, file.size,
        )  # fmt: skip
    return tuple(entry.copy for entry in listed if entry not in unlike)
