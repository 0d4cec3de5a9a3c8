"""`gpudrop tour` and `record_tour.py`: record a narrated tour."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.assembly.zoom import STRENGTH
from dispatcher.cli.detached import leave_tour_behind, tell_tour
from dispatcher.cli.display import Display
from dispatcher.cli.errors import EPILOG, run
from dispatcher.cli.events import JsonDisplay
from dispatcher.cli.review import Changed, review
from dispatcher.cli.review import check as check_somebody_is_asked
from dispatcher.config import Settings
from dispatcher.tour.encoding import BACKENDS as ENCODE_BACKENDS
from dispatcher.tour.narration import Reuse
from dispatcher.tour.options import Enhance, Options
from dispatcher.tour.record import Recording, preview, record
from dispatcher.tour.spec import load
from dispatcher.tour.workers import BACKENDS
from protocol.errors import NotFoundError, UsageError
from protocol.kinds.tts import MAX_SEED


class TourDisplay(Display):
    """The display, which can also ask before a spec's shell lines run."""

    def confirm(self, lines: Sequence[str]) -> bool:
        """Show the lines; without a terminal to ask on, the answer is no."""
        self.warn("the spec wants to run these shell lines on this machine:")
        for line in lines:
            self.warn(f"  {line}")
        return sys.stdin.isatty() and typer.confirm("Run them?", default=False, err=True)

    def review(self, changed: Sequence[Changed], engine: str, *, yes: bool) -> Collection[str]:
        """Show what would be said instead, and ask for it."""
        return review(self._console, changed, engine, yes=yes)

    def ask(self, lines: Sequence[str], question: str) -> bool:
        """Show the lines and ask; without a terminal to ask on, the answer is no."""
        for line in lines:
            self.warn(line)
        return sys.stdin.isatty() and typer.confirm(question, default=False, err=True)


class TourEvents(JsonDisplay):
    """The events, which ask nobody: who reads them is a program."""

    def confirm(self, lines: Sequence[str]) -> bool:
        """Say which lines would have run; the answer is no."""
        self.emit("confirm", text="the spec wants to run these shell lines; allow them with --allow-setup", lines=lines)
        return False

    def review(self, changed: Sequence[Changed], engine: str, *, yes: bool) -> Collection[str]:
        """Tell what is said instead; without `yes` nothing is."""
        steps = [{"step": step, "before": before, "after": after} for step, before, after in changed]
        self.emit("enhanced", engine=engine, accepted=yes, steps=steps)
        return [step for step, _, _ in changed] if yes else []

    def ask(self, lines: Sequence[str], question: str) -> bool:
        """Say what would have been asked; the answer is no."""
        self.emit("confirm", text=question, lines=lines)
        return False


def tour(
    context: typer.Context,
    spec: Annotated[Path, typer.Argument(help="The tour: a JSON file.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only speak the narration; film nothing.")] = False,
    work_dir: Annotated[Path | None, typer.Option(help="Where takes, logs and failures are kept.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The film, instead of output.path.")] = None,
    base_url: Annotated[str | None, typer.Option(help="What relative step urls start from.")] = None,
    tts_backend: Annotated[
        str,
        typer.Option(
            help="Who speaks: local (here), colab (through the folder), or colab-f5 (there, with a cloned voice)."
        ),
    ] = "local",
    colab_drive_path: Annotated[
        str | None,
        typer.Option(
            help="The drop, a folder or rclone:REMOTE:PATH, for --tts-backend colab; "
            "else COLAB_TTS_DRIVE_PATH, else searched."
        ),
    ] = None,
    colab_timeout: Annotated[float, typer.Option(help="Seconds to wait for the narration.", min=1)] = 600,
    require_engine: Annotated[
        str | None, typer.Option(help="Fail unless this engine speaks (a voice of another engine is then an error).")
    ] = None,
    ref_audio: Annotated[
        Path | None, typer.Option(help="For colab-f5: 6 to 12 s of the voice to clone, instead of settings.ref_audio.")
    ] = None,
    ref_text: Annotated[
        str | None, typer.Option(help="Exactly what is said in it, or @FILE, instead of settings.ref_text.")
    ] = None,
    voice_seed: Annotated[
        int | None, typer.Option(help="Another seed is another reading.", min=0, max=MAX_SEED)
    ] = None,
    nfe_step: Annotated[
        int | None, typer.Option(help="Steps of the cloning model: more are better and slower (32).", min=4, max=128)
    ] = None,
    voice_consent: Annotated[
        bool, typer.Option("--voice-consent", help="Declare that the speaker has allowed this voice to be cloned.")
    ] = False,
    skip_tts: Annotated[
        bool, typer.Option("--skip-tts", help="Speak nothing: use kept clips, and only of exactly this narration.")
    ] = False,
    respeak: Annotated[bool, typer.Option("--respeak", help="Speak every clip again, whatever is kept.")] = False,
    allow_mixed_voices: Annotated[
        bool, typer.Option("--allow-mixed-voices", help="Let clips of several engines or models into one film.")
    ] = False,
    lexicon: Annotated[
        Path | None,
        typer.Option(help="How words are spoken (TOML or JSON), instead of your settings' lexicon."),
    ] = None,
    show_spoken: Annotated[
        bool, typer.Option("--show-spoken", help="Print what will be said, word for word, and do nothing else.")
    ] = False,
    enhance: Annotated[
        bool, typer.Option("--enhance", help="Have the narration written better, show what has changed, and ask.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take what --enhance proposes without asking.")] = False,
    glossary: Annotated[
        str, typer.Option(help="Terms that --enhance must keep as they are, beside the lexicon's; several with commas.")
    ] = "",
    enhance_wish: Annotated[str, typer.Option(help='What --enhance should heed, such as "for beginners".')] = "",
    enhance_model: Annotated[str, typer.Option(help="The language model for --enhance; auto takes the best.")] = "auto",
    enhanced_spec: Annotated[
        Path | None, typer.Option(help="Write the spec with the accepted narration to this new file beside it.")
    ] = None,
    zoom: Annotated[
        str, typer.Option(help="Move the camera to where something is done: off, auto, or mobile (nearer).")
    ] = "off",
    encode_backend: Annotated[
        str,
        typer.Option(help="Who encodes the film: local (here) or colab-nvenc (a worker, by its graphics card)."),
    ] = "local",
    nvenc_drive_path: Annotated[
        str | None,
        typer.Option(
            help="The drop for --encode-backend colab-nvenc: a folder or rclone:REMOTE:PATH; else the one that speaks."
        ),
    ] = None,
    nvenc_timeout: Annotated[float, typer.Option(help="Seconds to wait for the encoded film.", min=1)] = 1200,
    require_nvenc: Annotated[
        bool, typer.Option("--require-nvenc", help="Fail unless a graphics card encodes the film.")
    ] = False,
    encode_fallback: Annotated[
        bool, typer.Option("--encode-fallback", help="Encode the film here where no worker does.")
    ] = False,
    allow_setup: Annotated[bool, typer.Option(help="Run the spec's pre_setup lines without asking.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once with the tour's id, and record it in the background.")
    ] = False,
    group: Annotated[str | None, typer.Option("--group", hidden=True)] = None,  # of the one that --detach starts
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON on stdout, and events as JSON lines on stderr.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what must not be missed.")] = False,
) -> None:
    """Record a narrated tour: speak, film, cut. Prints the path of the film; run it again after any interruption."""
    if skip_tts and respeak:
        raise UsageError("--skip-tts speaks nothing and --respeak speaks everything: give one of them")
    told = {"--yes": yes, "--glossary": glossary, "--enhance-wish": enhance_wish, "--enhanced-spec": enhanced_spec}
    told["--enhance-model"] = enhance_model != "auto"
    check_somebody_is_asked(enhance=enhance, yes=yes, as_json=as_json, others=[name for name in told if told[name]])
    settings = Settings()
    if detach:
        load(spec, base_url=base_url)  # what is wrong with it is told here and now
        words = 1 if context.parent is None else 2  # `record_tour.py` is the command itself
        tell_tour(leave_tour_behind(settings, sys.argv[words:]), as_json=as_json)
        return
    options = Options(
        tts_backend=_one_of("--tts-backend", tts_backend, BACKENDS),
        drop=colab_drive_path,
        group=group,
        timeout_s=colab_timeout,
        work_dir=work_dir,
        output=output,
        base_url=base_url,
        require_engine=require_engine,
        reuse=Reuse(only=skip_tts, nothing=respeak, mixed=allow_mixed_voices),
        lexicon=_lexicon(lexicon, settings),
        encode_backend=_one_of("--encode-backend", encode_backend, ENCODE_BACKENDS),
        encode_drop=nvenc_drive_path,
        encode_timeout_s=nvenc_timeout,
        encode_fallback=encode_fallback,
        require_nvenc=require_nvenc,
        zoom=_one_of("--zoom", zoom, tuple(STRENGTH)),
        enhance=_enhance(yes, glossary, enhance_wish, enhance_model, enhanced_spec) if enhance else None,
        allow_setup=allow_setup,
        dry_run=dry_run,
        ref_audio=ref_audio,
        ref_text=_text(ref_text),
        voice_seed=voice_seed,
        nfe_step=nfe_step,
        voice_consent=voice_consent,
    )
    screen = TourEvents() if as_json else TourDisplay(quiet=quiet)
    if show_spoken:
        sys.stdout.write(f"{preview(spec, options, settings, screen)}\n")
        return
    made = record(spec, options, settings, screen)
    sys.stdout.write(f"{_json(made) if as_json else _plain(made)}\n")


def _enhance(yes: bool, glossary: str, wish: str, model: str, spec: Path | None) -> Enhance:
    terms = tuple(term.strip() for term in glossary.split(",") if term.strip())
    return Enhance(yes=yes, glossary=terms, instruction=wish, model=model, spec=spec)


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


def _lexicon(named: Path | None, settings: Settings) -> Path:
    """Return the lexicon's file. One that was named has to be there."""
    if named is not None and not named.is_file():
        raise NotFoundError(f"the lexicon {named} does not exist; correct --lexicon")
    return named or settings.lexicon


def _one_of(option: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise UsageError(f"unknown {option} {value!r}; there are: {', '.join(allowed)}")
    return value


def _plain(made: Recording) -> str:
    return str(made.film) if made.film else "\n".join(str(clip.wav) for clip in made.narration.clips.values())


def _json(made: Recording) -> str:
    clips = {step: {"wav": str(clip.wav), "seconds": clip.seconds} for step, clip in made.narration.clips.items()}
    told = {
        "video": str(made.film) if made.film else None,
        "report": str(made.report) if made.report else None,
        "engine": made.narration.engine,
        "warnings": list(made.narration.warnings),
        "narration": clips,
    }
    if made.enhancement is not None:
        told["enhancement"] = made.enhancement.told()
    return json.dumps(told, ensure_ascii=False, indent=1)


def main() -> None:
    """Be `record_tour.py`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(epilog=EPILOG)(tour)
    run(app)
