"""The worker's settings; the only place of this side that reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from colab.models import ModelPlaces
from colab.models.owner import read
from protocol.errors import UsageError
from protocol.keys import KeySettings, identity
from protocol.signing import Identity
from usertext.problems import sentences


class ModelSettings(BaseSettings):
    """The settings for a worker's models: defaults < environment < flags."""

    model_config = SettingsConfigDict(
        env_prefix="GPUDROP_WORKER_", env_ignore_empty=True, frozen=True, populate_by_name=True
    )

    models_dir: Path | None = None  # where model files are cached, instead of the user's cache folder
    models_file: Path = Field(  # the owner's own table of models
        default_factory=lambda: Path(platformdirs.user_config_dir("gpudrop")) / "models.toml"
    )
    offline: bool = Field(  # do not download model files
        default=False, validation_alias=AliasChoices("GPUDROP_WORKER_OFFLINE", "HF_HUB_OFFLINE")
    )
    onnx_provider: str | None = Field(default=None, validation_alias="ONNX_PROVIDER")  # where models must run
    ffmpeg: Path | None = Field(  # the ffmpeg to use, instead of the system's or the embedded one
        default=None, validation_alias=AliasChoices("FFMPEG_BINARY", "GPUDROP_FFMPEG")
    )
    hf_token: SecretStr | None = Field(default=None, validation_alias="HF_TOKEN")  # sent to Hugging Face only

    def places(self, drop: str | None) -> ModelPlaces:
        """Return where to look for model files; SpecError if the owner's table is wrong."""
        token = self.hf_token.get_secret_value() if self.hf_token else None
        return ModelPlaces(
            folder=self.models_dir,
            drop=drop,
            offline=self.offline,
            token=token,
            provider=self.onnx_provider,
            ffmpeg=self.ffmpeg,
            owned=tuple(read(self.models_file).values()),
        )


class WorkerSettings(ModelSettings):
    """A worker's settings, read once at its start: defaults < environment < flags. Times in seconds."""

    drop: str
    name: str | None = None  # the worker's id; derived from the host's name if not given
    kinds: tuple[str, ...] = ()  # only these kinds; empty means every kind that has a handler
    once: bool = False  # stop when no job is left to take
    idle_exit_s: float | None = Field(default=None, ge=0)  # stop after this long without a job
    session_s: float | None = Field(default=None, gt=0)  # how long this machine is still lent; None: no limit known
    session_margin_s: float = Field(default=300.0, ge=0)  # end this long before: a job is handed back in good time
    exit_with_parent: int | None = None  # stop when this process has ended
    beat_s: float | None = Field(default=None, gt=0)  # instead of the drop's own pace
    poll_s: float | None = Field(default=None, gt=0)
    auth: str = "off"  # off, warn or require: how unsigned requests are treated
    key: SecretStr | None = None  # the key to sign with: itself, its file, or "keyring"
    trust: str | None = None  # the public keys to trust, or a file of them
    keys_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_config_dir("gpudrop")) / "keys")

    def identity(self) -> Identity:
        """Return the key that this worker signs with, and the keys that it trusts."""
        told = KeySettings(
            role="worker",
            prefix="GPUDROP_WORKER_",
            folder=self.keys_dir,
            mode=self.auth,
            key=self.key.get_secret_value() if self.key else None,
            trust=self.trust,
        )
        return identity(told, self.drop)

    def model_places(self) -> ModelPlaces:
        """Return where this worker looks for model files."""
        return self.places(self.drop)


def checked_settings(**given: Any) -> WorkerSettings:
    """Return the worker's settings; a wrong value, from any source, raises UsageError with its name."""
    try:
        return WorkerSettings(**given)
    except ValidationError as error:
        raise UsageError(f"the worker's settings are wrong: {sentences(error)}") from error
