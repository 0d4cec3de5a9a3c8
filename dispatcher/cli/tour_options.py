"""The options of `gpudrop tour`, in the order in which its help tells them, and what they are to a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.assembly.zoom import STRENGTH
from dispatcher.config import Settings
from dispatcher.tour.encoding import BACKENDS as ENCODE_BACKENDS
from dispatcher.tour.narration import Reuse
from dispatcher.tour.options import Enhance, Options, lexicon_file
from dispatcher.tour.workers import BACKENDS
from protocol.errors import NotFoundError, UsageError
from protocol.kinds.tts import MAX_SEED
from usertext.problems import not_one_of


@dataclass(frozen=True, kw_only=True)
class Film:
    """Which film, and where everything of it lies."""

    spec: Annotated[Path, typer.Argument(help="The tour: a JSON file.")]
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only speak the narration; film nothing.")] = False
    rehearse: Annotated[
        bool,
        typer.Option("--rehearse", help="Only try the steps out, in seconds: no narration, no film, no output file."),
    ] = False
    work_dir: Annotated[Path | None, typer.Option(help="Where takes, logs and failures are kept.")] = None
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The film, instead of output.path.")] = None
    base_url: Annotated[str | None, typer.Option(help="What relative step urls start from.")] = None

    def check(self, *, detach: bool, show_spoken: bool) -> None:
        """Raise UsageError for what a rehearsal excludes."""
        others = {"--dry-run": self.dry_run, "--detach": detach, "--show-spoken": show_spoken}
        if self.rehearse and (given := [name for name, is_given in others.items() if is_given]):
            raise UsageError(f"--rehearse only tries the steps out: leave out {' and '.join(given)}")


@dataclass(frozen=True, kw_only=True)
class Speech:
    """Who speaks, how, and what of it is spoken anew."""

    tts_backend: Annotated[
        str,
        typer.Option(
            help="Who speaks: local (here), colab (through the folder), or colab-f5 (there, with a cloned voice)."
        ),
    ] = "local"
    drop: Annotated[
        str | None,
        typer.Option(help="For --tts-backend colab: the shared folder or rclone:REMOTE:PATH, else your default drop."),
    ] = None
    colab_drive_path: Annotated[str | None, typer.Option(hidden=True)] = None  # what --drop was called before gpudrop
    colab_timeout: Annotated[float, typer.Option(help="Seconds to wait for the narration.", min=1)] = 600
    require_engine: Annotated[
        str | None, typer.Option(help="Fail unless this engine speaks (a voice of another engine is then an error).")
    ] = None
    ref_audio: Annotated[
        Path | None, typer.Option(help="For colab-f5: 6 to 12 s of the voice to clone, instead of settings.ref_audio.")
    ] = None
    ref_text: Annotated[
        str | None, typer.Option(help="Exactly what is said in it, or @FILE, instead of settings.ref_text.")
    ] = None
    voice_seed: Annotated[int | None, typer.Option(help="Another seed is another reading.", min=0, max=MAX_SEED)] = None
    nfe_step: Annotated[
        int | None, typer.Option(help="Steps of the cloning model: more are better and slower (32).", min=4, max=128)
    ] = None
    voice_consent: Annotated[
        bool, typer.Option("--voice-consent", help="Declare that the speaker has allowed this voice to be cloned.")
    ] = False
    skip_tts: Annotated[
        bool, typer.Option("--skip-tts", help="Speak nothing: use kept clips, and only of exactly this narration.")
    ] = False
    respeak: Annotated[bool, typer.Option("--respeak", help="Speak every clip again, whatever is kept.")] = False
    allow_mixed_voices: Annotated[
        bool, typer.Option("--allow-mixed-voices", help="Let clips of several engines or models into one film.")
    ] = False
    lexicon: Annotated[
        Path | None,
        typer.Option(help="How words are spoken (TOML or JSON), instead of your settings' lexicon."),
    ] = None
    show_spoken: Annotated[
        bool, typer.Option("--show-spoken", help="Print what will be said, word for word, and do nothing else.")
    ] = False

    def check(self) -> None:
        """Raise UsageError for wishes that exclude each other."""
        if self.skip_tts and self.respeak:
            raise UsageError("--skip-tts speaks nothing and --respeak speaks everything: give one of them")
        if self.drop and self.colab_drive_path and self.drop != self.colab_drive_path:
            raise UsageError("--drop and --colab-drive-path, its older name, name two drops: give one of them")

    @property
    def reuse(self) -> Reuse:
        """Return which kept clips may be used."""
        return Reuse(only=self.skip_tts, nothing=self.respeak, mixed=self.allow_mixed_voices)


@dataclass(frozen=True, kw_only=True)
class Rewriting:
    """Whether the narration is written anew before it is spoken, and how."""

    enhance: Annotated[
        bool, typer.Option("--enhance", help="Have the narration written better, show what has changed, and ask.")
    ] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take what --enhance proposes without asking.")] = False
    glossary: Annotated[
        str, typer.Option(help="Terms that --enhance must keep as they are, beside the lexicon's; several with commas.")
    ] = ""
    enhance_wish: Annotated[str, typer.Option(help='What --enhance should heed, such as "for beginners".')] = ""
    enhance_model: Annotated[str, typer.Option(help="The language model for --enhance; auto takes the best.")] = "auto"
    enhanced_spec: Annotated[
        Path | None, typer.Option(help="Write the spec with the accepted narration to this new file beside it.")
    ] = None

    @property
    def given(self) -> list[str]:
        """Return the options that say how to --enhance, of those that were given."""
        told = {
            "--yes": self.yes,
            "--glossary": self.glossary,
            "--enhance-wish": self.enhance_wish,
            "--enhanced-spec": self.enhanced_spec,
            "--enhance-model": self.enhance_model != "auto",
        }
        return [name for name in told if told[name]]

    @property
    def wanted(self) -> Enhance | None:
        """Return it as a recording takes it; None where it is not asked for."""
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
    """How the film is cut, and who encodes it."""

    zoom: Annotated[
        str, typer.Option(help="Move the camera to where something is done: off, auto, or mobile (nearer).")
    ] = "off"
    encode_backend: Annotated[
        str,
        typer.Option(help="Who encodes the film: local (here) or colab-nvenc (a worker, by its graphics card)."),
    ] = "local"
    nvenc_drive_path: Annotated[str | None, typer.Option(hidden=True)] = None  # another drop than --drop, as of old
    nvenc_timeout: Annotated[float, typer.Option(help="Seconds to wait for the encoded film.", min=1)] = 1200
    require_nvenc: Annotated[
        bool, typer.Option("--require-nvenc", help="Fail unless a graphics card encodes the film.")
    ] = False
    encode_fallback: Annotated[
        bool, typer.Option("--encode-fallback", help="Encode the film here where no worker does.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How the command itself behaves."""

    allow_setup: Annotated[bool, typer.Option(help="Run the spec's pre_setup lines without asking.")] = False
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once with the tour's id, and record it in the background.")
    ] = False
    group: Annotated[str | None, typer.Option("--group", hidden=True)] = None  # of the one that --detach starts
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON on stdout, and events as JSON lines on stderr.")
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what must not be missed.")] = False


def options_of(
    film: Film, speech: Speech, rewriting: Rewriting, encoding: Encoding, manner: Manner, settings: Settings
) -> Options:
    """Return all of it as a recording takes it. What there is not raises UsageError or NotFoundError."""
    return Options(
        tts_backend=_one_of("--tts-backend", speech.tts_backend, BACKENDS),
        drop=speech.drop or speech.colab_drive_path,
        group=manner.group,
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
        enhance=rewriting.wanted,
        allow_setup=manner.allow_setup,
        dry_run=film.dry_run,
        ref_audio=speech.ref_audio,
        ref_text=_text(speech.ref_text),
        voice_seed=speech.voice_seed,
        nfe_step=speech.nfe_step,
        voice_consent=speech.voice_consent,
    )


def _text(told: str | None) -> str | None:
    """Return a text, or what is in the file that @FILE names."""
    if told is None or not told.startswith("@"):
        return told
    try:
        return Path(told[1:]).read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise NotFoundError(f"{told[1:]} cannot be read: {error.strerror}; correct --ref-text") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{told[1:]} is not UTF-8 text; save it as UTF-8") from error


def _one_of(option: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise UsageError(f"{option}: {not_one_of(value, allowed)}")
    return value
