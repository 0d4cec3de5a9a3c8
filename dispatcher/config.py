"""This machine's settings; the only place of this side that reads the environment."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once at the edge: defaults < environment < flags."""

    model_config = SettingsConfigDict(env_prefix="GPUDROP_", frozen=True, populate_by_name=True)

    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("gpudrop")))
    database_url: str | None = None
    drop: Path | None = Field(
        default=None, validation_alias=AliasChoices("COLAB_TTS_DRIVE_PATH", "GPUDROP_DROP"), repr=True
    )
    config_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_config_dir("gpudrop")))
    chromium: Path | None = None
    ffmpeg: Path | None = Field(default=None, validation_alias=AliasChoices("FFMPEG_BINARY", "GPUDROP_FFMPEG"))
    home: Path = Field(default_factory=Path.home)
    beat_s: float | None = Field(default=None, gt=0)  # the pace asked of a worker, instead of the drop's own
    poll_s: float | None = Field(default=None, gt=0)  # how often to look, instead of the drop's own pace

    @property
    def database(self) -> str:
        """Return the run database's address: a URL, or a file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'runs.sqlite3'}"

    @property
    def results(self) -> Path:
        """Return where verified results are kept."""
        return self.data_dir / "results"

    @property
    def lexicon(self) -> Path:
        """Return the user's pronunciation lexicon, which need not exist: lexicon.toml, or lexicon.json beside it."""
        toml = self.config_dir / "lexicon.toml"
        return toml if toml.exists() else toml.with_suffix(".json")

    @property
    def narration(self) -> Path:
        """Return where spoken clips are kept for every tour."""
        return self.data_dir / "narration"


def is_root() -> bool:
    """Say whether this process runs as root, for which Chromium's sandbox does not start."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
