"""Malicious WAV files, and ordinary ones."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from media import riff
from media.audio import check_wav
from protocol.errors import MediaError
from tests.support import hostile


@pytest.mark.parametrize("what", hostile.SOUNDS)
def test_hostile_sounds_are_refused(what: str, tmp_path: Path) -> None:
    """They are refused at once, with a reason, and without allocating what a header asks for."""
    path = tmp_path / "a.wav"
    path.write_bytes(hostile.SOUNDS[what])
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(MediaError) as told:
        riff.check(path)
    assert str(told.value).startswith("a.wav")
    with pytest.raises(MediaError):
        check_wav(path)
    assert time.process_time() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
@pytest.mark.parametrize("coding", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_plain_samples_pass(form: str, coding: str, tmp_path: Path) -> None:
    """Every usual encoding of plain samples is accepted, with its length."""
    soundfile.write(tmp_path / "a.wav", np.zeros((2400, 2), np.float32), 24_000, format=form, subtype=coding)
    assert check_wav(tmp_path / "a.wav") == 0.1


def test_remarks_beside_the_samples_pass(tmp_path: Path) -> None:
    """Metadata, even of odd size, and unknown chunks are accepted."""
    (tmp_path / "a.wav").write_bytes(hostile.wav(before=b"LIST\5\0\0\0INFO!\0" + b"xyzw\0\0\0\0"))
    assert check_wav(tmp_path / "a.wav") == 0.1
