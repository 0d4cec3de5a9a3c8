"""The worker's settings; the only place of this side that reads the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What a worker is told, once, at its start: defaults < environment < flags. Times in seconds."""

    model_config = SettingsConfigDict(env_prefix="GPUDROP_WORKER_", frozen=True, populate_by_name=True)

    drop: str
    name: str | None = None  # the worker's id; made from the host's name if not given
    kinds: tuple[str, ...] = ()  # only these kinds; empty means every kind there is a handler for
    once: bool = False  # stop when nothing is left to take
    idle_exit_s: float | None = None  # stop after this long without a job
    exit_with_parent: int | None = None  # stop when this process is gone
    beat_s: float | None = Field(default=None, gt=0)  # instead of the drop's own pace
    poll_s: float | None = Field(default=None, gt=0)
