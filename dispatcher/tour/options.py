"""What is said beside the spec, by the command line or by a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dispatcher.tour.narration import Reuse
from protocol.errors import NotFoundError

CLONING_BACKEND, CLONING_ENGINE = "colab-f5", "f5"
"""Who clones a voice: the backend is `colab` with that engine required."""


@dataclass(frozen=True, kw_only=True)
class Enhance:
    """That the narration is written anew before it is spoken, and how."""

    yes: bool = False  # take what is proposed without asking
    glossary: tuple[str, ...] = ()  # beside the words of the spec's lexicon
    instruction: str = ""
    model: str = "auto"
    spec: Path | None = None  # a new file for the spec with what was accepted


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says beside the spec."""

    tts_backend: str = "local"
    drop: str | Path | None = None
    group: str | None = None  # whose jobs are asked for: the tour's own in the run database
    command: tuple[str, ...] = ()  # the arguments of `gpudrop tour` that ask for this, to repeat it
    timeout_s: float = 600
    work_dir: str | Path | None = None
    output: str | Path | None = None
    base_url: str | None = None
    require_engine: str | None = None
    lexicon: str | Path | None = None  # the user's, a .json or .toml file; one that is not there is empty
    reuse: Reuse = field(default_factory=Reuse)
    zoom: str = "off"
    encode_backend: str = "local"
    encode_drop: str | Path | None = None  # without it the drop that speaks
    encode_timeout_s: float = 1200
    encode_fallback: bool = False  # encode here where no worker does
    require_nvenc: bool = False
    enhance: Enhance | None = None
    allow_setup: bool = False
    dry_run: bool = False
    ref_audio: str | Path | None = None  # a recording of the voice to clone, instead of the spec's
    ref_text: str | None = None  # exactly what is said in it
    voice_seed: int | None = None
    nfe_step: int | None = None
    voice_consent: bool = False  # the speaker has allowed it

    @property
    def clones(self) -> bool:
        """Say whether a voice is cloned."""
        return self.tts_backend == CLONING_BACKEND or self.require_engine == CLONING_ENGINE


def lexicon_file(named: str | Path | None, usual: Path) -> Path:
    """Return the lexicon's file: the one that was named, which has to be there, else the usual one."""
    if named is not None and not Path(named).is_file():
        raise NotFoundError(f"the lexicon {named} does not exist; correct --lexicon")
    return Path(named or usual)
