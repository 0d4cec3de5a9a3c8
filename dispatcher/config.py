"""The settings of this machine; the only module of the dispatcher that reads the environment.

A flag overrides the environment, the environment overrides config.toml, and config.toml overrides what is found.
"""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from dispatcher import config_file
from protocol.errors import EnvironmentNotReady
from protocol.keys import KeySettings, identity
from protocol.signing import Identity

OLDER_DROP = "COLAB_TTS_DRIVE_PATH"
"""The name of GPUDROP_DROP before gpudrop."""


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container
        return str(os.getuid()) if hasattr(os, "getuid") else ""


_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "older_drop": (OLDER_DROP,),
    "ffmpeg": ("FFMPEG_BINARY", "GPUDROP_FFMPEG"),
}
"""The variables of the fields that are not read from GPUDROP_<FIELD>; the first that is set counts."""


def _variable(field: str) -> str:
    """Return the variable that sets a field: of several the one in use."""
    names = _VARIABLES.get(field, (f"GPUDROP_{field.upper()}",))
    return next((name for name in names if name in os.environ), names[0])


class Settings(BaseModel):
    """Read from the environment when it is made; arguments override it. A wrong value raises EnvironmentNotReady.

    pydantic-settings would do the same, but takes a tenth of a second to import, which every command would wait for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("gpudrop")))
    database_url: str | None = Field(default=None, repr=False)  # it may contain a password
    drop: str | None = None
    older_drop: str | None = None
    voice: str | None = None  # for tours that name none
    out: str | None = None  # the folder for results, for commands that name none
    config_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_config_dir("gpudrop")))
    chromium: Path | None = None
    ffmpeg: Path | None = None
    user: str = Field(default_factory=_user_name)
    machine: str = Field(default_factory=platform.node)
    home: Path = Field(default_factory=Path.home)
    beat_s: float | None = Field(default=None, gt=0)  # the heartbeat of workers, instead of the drop's own
    poll_s: float | None = Field(default=None, gt=0)  # how often to look, instead of the drop's own
    durability: Literal["full", "relaxed"] = "full"  # whether a commit waits for the disk
    auth: str = "off"  # off, warn or require: what to do about unsigned messages of workers
    key: SecretStr | None = None  # the signing key: itself, its file, or "keyring"
    trust: str | None = None  # the public keys of trusted workers, or a file of them

    @field_validator("voice")
    @classmethod
    def _checked_voice(cls, voice: str | None) -> str | None:
        if voice and (problem := config_file.voice_problem(voice)):
            raise ValueError(problem)
        return voice

    @model_validator(mode="wrap")
    @classmethod
    def _named(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """Add the environment to what was given. An error names the variable but not its value, which may be a key."""
        environment = {
            field: os.environ[name] for field in cls.model_fields if (name := _variable(field)) in os.environ
        }
        try:
            return read({**environment, **given})
        except ValidationError as error:
            wrong = {str(each["loc"][0]): each["msg"] for each in error.errors() if each["loc"]}
            told = "; ".join(f"{_variable(name)}: {text}" for name, text in wrong.items())
            raise EnvironmentNotReady(f"{told}. Correct it in the environment, or unset it") from error

    @property
    def config_file(self) -> Path:
        """The file with this user's defaults, which need not exist."""
        return self.config_dir / config_file.NAME

    @cached_property
    def defaults(self) -> Mapping[str, str]:
        """The values in config.toml. Raises EnvironmentNotReady with the line and the fix of every mistake."""
        return config_file.read(self.config_file)

    @property
    def drop_of_environment(self) -> tuple[str, str] | None:
        """The drop named by the environment, and the variable; an empty variable counts as unset."""
        if self.drop:
            return self.drop, _variable("drop")
        return (self.older_drop, OLDER_DROP) if self.older_drop else None

    @property
    def default_voice(self) -> str:
        """The voice of tours that name none; "default" leaves the choice to the engine."""
        return self.voice or self.defaults.get("voice") or "default"

    @property
    def default_out(self) -> Path | None:
        """The folder for results of commands that name none; None leaves it to the command."""
        named = self.out or self.defaults.get("out")
        return Path(named).expanduser().absolute() if named else None

    @property
    def database(self) -> str:
        """The address of the run database: a URL, or a file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'runs.sqlite3'}"

    @property
    def results(self) -> Path:
        """The folder of verified results."""
        return self.data_dir / "results"

    @property
    def private_drop(self) -> Path:
        """The default drop that this machine's commands share with their own workers."""
        return self.data_dir / "local" / "drop"

    @property
    def lexicon(self) -> Path:
        """The user's pronunciation lexicon, which need not exist: lexicon.toml, or lexicon.json beside it."""
        toml = self.config_dir / "lexicon.toml"
        return toml if toml.exists() else toml.with_suffix(".json")

    @property
    def keys_dir(self) -> Path:
        """The folder where `gpudrop key new` puts keys."""
        return self.config_dir / "keys"

    def identity(self, drop: str | Path) -> Identity:
        """Return the key that this machine signs with at a shared drop, and the keys that it trusts there."""
        told = KeySettings(
            role="dispatcher",
            prefix="GPUDROP_",
            folder=self.keys_dir,
            mode=self.auth,
            key=self.key.get_secret_value() if self.key else None,
            trust=self.trust,
        )
        return identity(told, drop)

    @property
    def voice_consents(self) -> Path:
        """The file that records the consents to voice cloning."""
        return self.data_dir / "voice-consents.json"

    @property
    def narration(self) -> Path:
        """The folder of cached narration clips, shared by all tours."""
        return self.data_dir / "narration"


def variable(name: str) -> str | None:
    """Return an environment variable that a tour's spec names; None if it is not set."""
    return os.environ.get(name)


def is_root() -> bool:
    """Say whether this process runs as root, for which Chromium's sandbox does not start."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
