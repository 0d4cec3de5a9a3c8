"""Kokoro's file of voices: for each voice 510 rows of style, one for each number of phonemes."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from colab.handlers.tts.engine import Samples
from protocol.errors import JobFailed


def read(path: Path) -> dict[str, Samples]:
    """Return every voice as (rows, 1, width). Raises `JobFailed` ENGINE for a file that is torn or something else."""
    try:
        with zipfile.ZipFile(path):  # numpy leaves a torn file open
            pass
        with np.load(path, allow_pickle=False) as file:
            styles = {name: np.asarray(file[name], dtype=np.float32) for name in file.files}
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError) as torn:
        raise JobFailed(
            f"{path.name} is no file of Kokoro's voices, or it is torn: {torn}; remove it, and it is fetched again",
            code="ENGINE",
        ) from torn
    if not styles or any(style.ndim != 3 or style.shape[1] != 1 or not len(style) for style in styles.values()):
        raise JobFailed(f"{path.name} is no file of Kokoro's voices: expected arrays of (510, 1, 256)", code="ENGINE")
    return styles


def of(styles: dict[str, Samples], voice: str) -> Samples:
    """Return one voice. Raises `JobFailed` UNSUPPORTED, listing those of the file, when it is not there."""
    if voice not in styles:
        raise JobFailed(f"the voices file has no {voice!r}; it has: {', '.join(sorted(styles))}", code="UNSUPPORTED")
    return styles[voice]
