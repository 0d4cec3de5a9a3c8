"""The GPU's benchmarks where there is none: one line each, and no failure."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from benchmarks.gpu import ALL

ROOT = Path(__file__).parents[2]


def test_without_a_gpu_they_say_so():
    """One line for each that is here, and exit 0: a machine without a GPU has nothing to answer for."""
    environment = {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT), "PATH": ""}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.gpu"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    there = [name for name in ALL if (ROOT / "benchmarks" / "gpu" / f"{name}.py").exists()]
    lines = ran.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == there
    assert all("skipped" in line for line in lines)


@pytest.mark.extras
def test_texts_of_a_batch_sound_as_they_do_alone():
    """Padding leaks not into what is prepared, and into the sound only by the last frames of a row, over which its
    statistics go too: some percent with random weights, where it is nine tenths without the masks."""
    import torch

    from benchmarks.gpu import Bench, difference, tts

    torch.set_num_threads(1)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        speakers = tts._Speakers(Bench(name="tts", device="cpu", card="CPU", rehearsal=True))
        assert speakers.unlike_prepared(2) < 1e-5
        together = speakers._all(2, exact=False, precision=torch.float32)
        for one, alone in zip(together, speakers._alone(2), strict=True):
            assert difference(speakers._inner(one), speakers._inner(alone))["relative_rms"] < 0.06
