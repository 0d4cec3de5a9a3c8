"""The table of upscaling engines. A new engine is a file of its own and a row here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from colab.engines.registry import EngineRow, EngineTable, Opening
from colab.handlers.upscale.engine import UpscaleEngine
from colab.models import Models
from media import ffmpeg
from media.ffmpeg import Ffmpeg
from protocol.errors import EnvironmentNotReady, JobFailed

AUTO = "auto"
NO_NETWORK = "lanczos"
FILTERS = frozenset({"cas", "hqdn3d", "scale", "setparams", "setsar", "showinfo"})
"""The filters that ffmpeg must have."""

KNOWN = {
    "x4plus": "realesrgan-x4plus",
    "x2plus": "realesrgan-x2plus",
    "x4plus-anime": "realesrgan-x4plus-anime",
    "animevideov3": "realesr-animevideov3",
    "general-x4v3": "realesr-general-x4v3",
    "general-wdn-x4v3": "realesr-general-wdn-x4v3",
}
"""What users call a model → its file in the table of models. Any other name is that of a file that the owner added."""

BEST = {
    "film": ("realesr-general-x4v3", "realesr-animevideov3", "realesrgan-x4plus", "realesrgan-x4plus-anime"),
    "picture": ("realesrgan-x4plus", "realesr-general-x4v3", "realesrgan-x4plus-anime", "realesr-animevideov3"),
}
"""The models to take when none is named, best first: quick ones for videos, thorough ones for images."""


@dataclass(frozen=True, kw_only=True)
class UpscaleJob:
    """What a job asks of its engine."""

    model: str = AUTO
    what: str = "picture"
    encoders: frozenset[str] = ffmpeg.ENCODERS  # that ffmpeg must have

    def program(self) -> Ffmpeg:
        """Return an ffmpeg for this job. Raises `JobFailed` UNSUPPORTED if there is none."""
        try:
            return ffmpeg.find(needs=FILTERS, encoders=self.encoders)
        except EnvironmentNotReady as problem:
            other = "; or ask for the codec x264" if self.encoders == {"libx265"} else ""
            raise JobFailed(f"{problem}{other}", code="UNSUPPORTED") from problem


def _realesrgan(opening: Opening[UpscaleJob]) -> UpscaleEngine:
    from colab.handlers.upscale.realesrgan import RealEsrgan

    models, job = opening.models, opening.job
    if job.model == NO_NETWORK:
        raise JobFailed("it is a network, and the model lanczos is not; ask for auto or a model", code="BAD_REQUEST")
    model = (_present(models, job.what) or BEST[job.what][0]) if job.model == AUTO else KNOWN.get(job.model, job.model)
    return RealEsrgan(models, model)


def _lanczos(opening: Opening[UpscaleJob]) -> UpscaleEngine:
    from colab.handlers.upscale.lanczos import Lanczos

    if opening.job.model not in (AUTO, NO_NETWORK):
        raise JobFailed(f"it has no model {opening.job.model!r}; ask for auto or lanczos", code="BAD_REQUEST")
    return Lanczos(opening.job.program())


def names(models: Models) -> tuple[str, ...]:
    """Return every network that may be asked for: those known by their short names, and what the owner added."""
    return (*KNOWN, *KNOWN.values(), *models.owned("upscale"))


def _check_known(models: Models, job: UpscaleJob) -> None:
    """Refuse what is not a model for upscaling: a job must not make a worker fetch any other file of its table."""
    if job.model not in (AUTO, NO_NETWORK, *names(models)):
        raise JobFailed(
            f"no model {job.model!r} for upscaling is known here; there are "
            f"{', '.join((AUTO, NO_NETWORK, *KNOWN, *models.owned('upscale')))}. The worker's owner adds others by "
            "gpudrop models add",
            code="UNSUPPORTED",
        )


UpscaleTable = EngineTable[UpscaleJob, UpscaleEngine]

ENGINES: UpscaleTable = EngineTable(
    kind="upscale",
    any_job=UpscaleJob(),
    names_model=lambda job: job.model not in (AUTO, NO_NETWORK),
    check_job=_check_known,
    rows=(
        EngineRow(
            name="realesrgan",
            open=_realesrgan,
            packages=("torch", "torchvision", "spandrel", "safetensors"),
            extra="upscale",
            suits=lambda job: job.model != NO_NETWORK,
        ),
        EngineRow(name="ffmpeg-lanczos", open=_lanczos, suits=lambda job: job.model in (AUTO, NO_NETWORK)),
    ),
)


def _present(models: Models, what: str) -> str | None:
    """Return the best model whose file is here."""
    for name in BEST[what]:
        with suppress(JobFailed):  # a table without this model
            if models.present(name):
                return name
    return None
