"""The options of `gpudrop tour`, in the order of its help, and the recording's options made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.assembly.zoom import STRENGTH
from dispatcher.cli.options import AsJson, Detach, Quiet
from dispatcher.config import Settings
from dispatcher.tour.options import Enhance, Reuse, TourOptions, lexicon_file
from dispatcher.tour.output.encoding import BACKENDS as ENCODE_BACKENDS
from dispatcher.tour.session import BACKENDS
from protocol.errors import NotFoundError, UsageError
from protocol.kinds.tts import MAX_SEED
from usertext.problems import not_one_of


@dataclass(frozen=True, kw_only=True)
class Film:
    """What to record, and where its files are."""

    spec: Annotated[Path, typer.Argument(help="The spec of the tour: a JSON file.")]
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only speak the narration; record no video.")] = False
    rehearse: Annotated[
        bool,
        typer.Option("--rehearse", help="Only try the steps, within seconds: no narration, no video, no output file."),
    ] = False
    work_dir: Annotated[Path | None, typer.Option(help="The folder for takes, logs and screenshots of failures.")] = (
        None
    )
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The video file, instead of output.path.")] = (
        None
    )
    base_url: Annotated[str | None, typer.Option(help="The base of relative URLs in steps.")] = None

    def check(self, *, detach: bool, show_spoken: bool) -> None:
        """Raise UsageError for options that --rehearse excludes."""
        others = {"--dry-run": self.dry_run, "--detach": detach, "--show-spoken": show_spoken}
        if self.rehearse and (given := [name for name, is_given in others.items() if is_given]):
            raise UsageError(f"--rehearse only tries the steps: remove {' and '.join(given)}")


@dataclass(frozen=True, kw_only=True)
class Speech:
    """Who speaks and how, and which narration clips are reused."""

    tts_backend: Annotated[
        str,
        typer.Option(
            help="Who speaks: local (here), colab (through the folder) or colab-f5 (there, with a cloned voice)."
        ),
    ] = "local"
    drop: Annotated[
        str | None,
        typer.Option(help="For --tts-backend colab: the shared folder or rclone:REMOTE:PATH, else your default drop."),
    ] = None
    colab_drive_path: Annotated[str | None, typer.Option(hidden=True)] = None  # what --drop was called before gpudrop
    colab_timeout: Annotated[float, typer.Option(help="Seconds to wait for the narration.", min=1)] = 600
    require_engine: Annotated[
        str | None, typer.Option(help="Fail unless this engine speaks; a voice of another engine is an error then.")
    ] = None
    ref_audio: Annotated[
        Path | None, typer.Option(help="For colab-f5: 6 to 12 s of the voice to clone, instead of settings.ref_audio.")
    ] = None
    ref_text: Annotated[
        str | None, typer.Option(help="The exact words spoken in it, or @FILE, instead of settings.ref_text.")
    ] = None
    voice_seed: Annotated[
        int | None,
        typer.Option(help="The random seed of the voice: another seed, another reading.", min=0, max=MAX_SEED),
    ] = None
    nfe_step: Annotated[
        int | None,
        typer.Option(help="Steps of the cloning model: more sound better and take longer (32).", min=4, max=128),
    ] = None
    voice_consent: Annotated[
        bool, typer.Option("--voice-consent", help="Declare that the speaker consents to the cloning of this voice.")
    ] = False
    skip_tts: Annotated[
        bool, typer.Option("--skip-tts", help="Speak nothing: use only cached clips of exactly this narration.")
    ] = False
    respeak: Annotated[bool, typer.Option("--respeak", help="Speak every clip again, even if it is cached.")] = False
    allow_mixed_voices: Annotated[
        bool, typer.Option("--allow-mixed-voices", help="Allow clips of several engines or models in one video.")
    ] = False
    lexicon: Annotated[
        Path | None,
        typer.Option(help="A pronunciation lexicon (TOML or JSON), instead of the one of your settings."),
    ] = None
    show_spoken: Annotated[bool, typer.Option("--show-spoken", help="Only print the words that will be spoken.")] = (
        False
    )

    def check(self) -> None:
        """Raise UsageError for options that exclude each other."""
        if self.skip_tts and self.respeak:
            raise UsageError("--skip-tts speaks nothing and --respeak speaks everything: use one of them")
        if self.drop and self.colab_drive_path and self.drop != self.colab_drive_path:
            raise UsageError("--drop and its older name --colab-drive-path name two different drops: use one of them")

    @property
    def reuse(self) -> Reuse:
        """Return which cached clips may be used."""
        return Reuse(only=self.skip_tts, nothing=self.respeak, mixed=self.allow_mixed_voices)


@dataclass(frozen=True, kw_only=True)
class Rewriting:
    """Whether and how the narration is rewritten before it is spoken."""

    enhance: Annotated[
        bool, typer.Option("--enhance", help="Let a language model improve the narration, show the changes, and ask.")
    ] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept the changes of --enhance without asking.")] = False
    glossary: Annotated[
        str,
        typer.Option(
            help="Terms that --enhance must not change, besides those of the lexicon; separate them with commas."
        ),
    ] = ""
    enhance_wish: Annotated[str, typer.Option(help='An instruction for --enhance, such as "for beginners".')] = ""
    enhance_model: Annotated[str, typer.Option(help="The language model for --enhance; auto uses the best one.")] = (
        "auto"
    )
    enhanced_spec: Annotated[
        Path | None,
        typer.Option(help="Write the spec with the accepted narration to this new file in the spec's folder."),
    ] = None

    @property
    def given(self) -> list[str]:
        """Return the given options that need --enhance."""
        given = {
            "--yes": self.yes,
            "--glossary": self.glossary,
            "--enhance-wish": self.enhance_wish,
            "--enhanced-spec": self.enhanced_spec,
            "--enhance-model": self.enhance_model != "auto",
        }
        return [name for name in given if given[name]]

    @property
    def options(self) -> Enhance | None:
        """Return the options of the rewriting, or None without --enhance."""
        if not self.enhance:
            return None
        terms = tuple(term.strip() for term in self.glossary.split(",") if term.strip())
        return Enhance(
            yes=self.yes,
            glossary=terms,
            instruction=self.enhance_wish,
            model=self.enhance_model,
            spec=self.enhanced_spec,
        )


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How the video is cut, and who encodes it."""

    zoom: Annotated[str, typer.Option(help="Zoom in on the actions: off, auto, or mobile (closer).")] = "off"
    encode_backend: Annotated[
        str,
        typer.Option(help="Who encodes the video: local (here) or colab-nvenc (a worker, with its GPU)."),
    ] = "local"
    nvenc_drive_path: Annotated[str | None, typer.Option(hidden=True)] = (
        None  # of the old scripts: another drop than --drop
    )
    nvenc_timeout: Annotated[float, typer.Option(help="Seconds to wait for the encoded video.", min=1)] = 1200
    require_nvenc: Annotated[bool, typer.Option("--require-nvenc", help="Fail unless a GPU encodes the video.")] = False
    encode_fallback: Annotated[
        bool, typer.Option("--encode-fallback", help="Encode the video here if no worker does.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class CommandOptions:
    """How the command itself behaves."""

    allow_setup: Annotated[bool, typer.Option(help="Run the spec's pre_setup commands without asking.")] = False
    detach: Detach = False
    group: Annotated[str | None, typer.Option("--group", hidden=True)] = None  # for the process that --detach starts
    as_json: AsJson = False
    quiet: Quiet = False


def options_of(
    film: Film, speech: Speech, rewriting: Rewriting, encoding: Encoding, own: CommandOptions, settings: Settings
) -> TourOptions:
    """Return the options of the recording. Raises UsageError or NotFoundError for a wrong value or a missing file."""
    return TourOptions(
        tts_backend=_one_of("--tts-backend", speech.tts_backend, BACKENDS),
        drop=speech.drop or speech.colab_drive_path,
        group=own.group,
        timeout_s=speech.colab_timeout,
        work_dir=film.work_dir,
        output=film.output,
        base_url=film.base_url,
        require_engine=speech.require_engine,
        reuse=speech.reuse,
        lexicon=lexicon_file(speech.lexicon, settings.lexicon),
        encode_backend=_one_of("--encode-backend", encoding.encode_backend, ENCODE_BACKENDS),
        encode_drop=encoding.nvenc_drive_path,
        encode_timeout_s=encoding.nvenc_timeout,
        encode_fallback=encoding.encode_fallback,
        require_nvenc=encoding.require_nvenc,
        zoom=_one_of("--zoom", encoding.zoom, tuple(STRENGTH)),
        enhance=rewriting.options,
        allow_setup=own.allow_setup,
        dry_run=film.dry_run,
        ref_audio=speech.ref_audio,
        ref_text=_text(speech.ref_text),
        voice_seed=speech.voice_seed,
        nfe_step=speech.nfe_step,
        voice_consent=speech.voice_consent,
    )


def _text(text: str | None) -> str | None:
    """Return a text, or the content of the file if it is written as @FILE."""
    if text is None or not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise NotFoundError(f"{text[1:]} cannot be read: {error.strerror}; correct --ref-text") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{text[1:]} is not UTF-8 text; save it as UTF-8") from error


def _one_of(option: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise UsageError(f"{option}: {not_one_of(value, allowed)}")
    return value
