"""Opening CLIP and BLIP from verified local files, by transformers. Imports stay inside.

Configuration and words are read, and weights as tensors and nothing else. No code of a repository is run, and nothing
is asked for from anywhere.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from colab.engines import device_failures
from colab.engines.model_cache import cached
from colab.handlers.analyze.vision_files import BLIP, CLIP
from protocol.errors import JobFailed

_T = TypeVar("_T")

HINT = "end what else uses the memory, or leave tags, captions and embeddings out"
"""What to do where there is not enough memory for them."""


@dataclass(frozen=True, kw_only=True)
class OpenedVisionModel:
    """A model in memory, and what makes its inputs."""

    model: Any
    processor: Any
    device: str
    name: str

    @property
    def dtype(self) -> Any:
        """Return the precision of its numbers."""
        return next(self.model.parameters()).dtype

    def run(self, act: Callable[[OpenedVisionModel], _T]) -> _T:
        """Run it without gradients. Raises MemoryError when it does not fit, `JobFailed` ENGINE when it fails."""
        import torch

        try:
            with torch.inference_mode():
                return act(self)
        except RuntimeError as problem:
            if device_failures.out_of_memory(problem):
                raise MemoryError(str(problem)) from problem
            raise device_failures.failed(problem, self.name, self.device, hint=HINT) from problem


@cached(most=2)
def loaded_model(
    model: str, paths: tuple[tuple[str, Path], ...], on: str, _stamps: tuple[int, ...]
) -> OpenedVisionModel:
    """Keep both models open: loading one takes longer than most films. A file that changed is opened anew."""
    with tempfile.TemporaryDirectory(prefix="gpudrop-model-") as folder:
        for name, path in paths:
            _put(path.absolute(), Path(folder) / name)
        with device_failures.told(model, on, hint=HINT):
            return _loaded(model, Path(folder), dict(paths), on)


def _put(file: Path, there: Path) -> None:
    """Have a file in another place too; where links may not be made (Windows), as a copy."""
    try:
        there.symlink_to(file)
    except OSError:
        shutil.copyfile(file, there)


def _loaded(model: str, folder: Path, paths: Mapping[str, Path], on: str) -> OpenedVisionModel:
    import torch
    import transformers

    kinds: dict[str, tuple[Any, Any]] = {
        CLIP: (transformers.CLIPModel, transformers.CLIPProcessor),
        BLIP: (transformers.BlipForConditionalGeneration, transformers.BlipProcessor),
    }
    made, processor = kinds[model]
    transformers.utils.logging.disable_progress_bar()  # nobody sees it: what the worker says goes to a log
    dtype = torch.float16 if on == "cuda" else torch.float32
    try:
        opened, found = made.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors="model.safetensors" in paths,
            weights_only=True,
            dtype=dtype,
            output_loading_info=True,
        )
        words = processor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as unfit:  # whatever a library raises for files that are not a model's
        if device_failures.out_of_memory(unfit):
            raise
        raise JobFailed(
            f"{model} cannot be opened from its files: {type(unfit).__name__} {str(unfit)[:300]}; remove them, and "
            f"fetch them again by `gpudrop models pull {model}`",
            code="ENGINE",
        ) from unfit
    if found["missing_keys"] or found["mismatched_keys"]:
        lacking = sorted(map(str, [*found["missing_keys"], *found["mismatched_keys"]]))
        raise JobFailed(f"{model}'s weights lack {len(lacking)} of the model's tensors, as {lacking[0]}", code="ENGINE")
    return OpenedVisionModel(model=opened.to(on).eval(), processor=words, device=on, name=model)
