"""What is asked for besides the spec, by the command line or by a script."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from protocol.errors import NotFoundError

CLONING_BACKEND, CLONING_ENGINE = "colab-f5", "f5"
"""Cloning a voice: the backend is `colab`, and this engine is required."""


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """Which cached clips may be used. `offered` names the engines of the available workers, if known, the default
    one first."""

    nothing: bool = False  # speak every clip again
    only: bool = False  # speak nothing
    mixed: bool = False  # allow clips of several engines in one video
    offered: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Enhance:
    """That the narration is rewritten before it is spoken, and how."""

    yes: bool = False  # accept all proposals without asking
    glossary: tuple[str, ...] = ()  # in addition to the words of the spec's lexicon
    instruction: str = ""
    model: str = "auto"
    spec: Path | None = None  # a new file for the spec with the accepted text


@dataclass(frozen=True, kw_only=True)
class TourOptions:
    """The options of `gpudrop tour`."""

    tts_backend: str = "local"
    drop: str | Path | None = None
    group: str | None = None  # the tour's own group in the run database, to which its jobs belong
    command: tuple[str, ...] = ()  # the arguments of `gpudrop tour`, to run it again
    timeout_s: float = 600
    work_dir: str | Path | None = None
    output: str | Path | None = None
    base_url: str | None = None
    require_engine: str | None = None
    lexicon: str | Path | None = None  # the user's own, a .json or .toml file; a missing file is an empty lexicon
    reuse: Reuse = field(default_factory=Reuse)
    zoom: str = "off"
    encode_backend: str = "local"
    encode_drop: str | Path | None = None  # default: the drop for the narration
    encode_timeout_s: float = 1200
    encode_fallback: bool = False  # encode on this machine if no worker does
    require_nvenc: bool = False
    enhance: Enhance | None = None
    allow_setup: bool = False
    dry_run: bool = False
    ref_audio: str | Path | None = None  # a recording of the voice to clone, instead of the spec's
    ref_text: str | None = None  # its exact transcript
    voice_seed: int | None = None
    nfe_step: int | None = None
    voice_consent: bool = False  # the speaker has consented

    @property
    def clones(self) -> bool:
        """Say whether a voice is cloned."""
        return self.tts_backend == CLONING_BACKEND or self.require_engine == CLONING_ENGINE


def lexicon_file(named: str | Path | None, default: Path) -> Path:
    """Return the lexicon's file: the named one, which must exist, else the default one."""
    if named is not None and not Path(named).is_file():
        raise NotFoundError(f"the lexicon {named} does not exist; correct --lexicon")
    return Path(named or default)
