"""A tour as a call of a script: `record_tour("tour.json", output="film.mp4")`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec

from dispatcher.assembly.zoom import STRENGTH
from dispatcher.config import Settings
from dispatcher.tour.options import TourOptions, lexicon_file
from dispatcher.tour.output import encoding
from dispatcher.tour.record import Recording, record
from dispatcher.tour.screen import Screen, Unattended
from dispatcher.tour.session import BACKENDS, TourSession
from protocol.errors import UsageError
from usertext.problems import not_one_of

P = ParamSpec("P")
CHOICES = {"tts_backend": BACKENDS, "encode_backend": encoding.BACKENDS, "zoom": tuple(STRENGTH)}


@dataclass(frozen=True, kw_only=True)
class ScriptCall(TourOptions):
    """The keyword arguments of `record_tour`: the options of the command line, the screen, and the settings."""

    screen: Screen | None = None  # by default warnings go to the log, and every question is answered with no
    settings: Settings | None = None  # by default those of the environment


def _recorder(call: Callable[P, ScriptCall]) -> Callable[Concatenate[str | Path, P], Recording]:
    """Return a function that takes a spec, and the fields of ScriptCall as keyword arguments."""

    def record_tour(spec: str | Path, /, *nothing: P.args, **options: P.kwargs) -> Recording:
        """Record a narrated tour and return its video, report, narration and warnings.

        The options are those of `gpudrop tour`, by name; paths may be strings. With `dry_run` nothing is recorded.
        Shell lines of the spec run only with `allow_setup`, and proposals of `enhance` are accepted only with its
        `yes`. Raises SpecError for a wrong spec, and other errors as a GpudropError.
        """
        if unknown := [name for name in options if name not in parameters]:
            raise TypeError(f"record_tour() got an unexpected keyword argument {unknown[0]!r}")
        arguments = call(*nothing, **options)
        for name, allowed in CHOICES.items():
            if (value := getattr(arguments, name)) not in allowed:
                raise UsageError(f"{name}: {not_one_of(value, allowed)}")
        settings = arguments.settings or Settings()
        lexicon = lexicon_file(arguments.lexicon, settings.lexicon)
        plain = {
            name: value for name, value in vars(arguments).items() if name not in ("screen", "settings", "lexicon")
        }
        session = TourSession(
            spec_path=Path(spec),
            options=TourOptions(**plain, lexicon=lexicon),
            settings=settings,
            screen=arguments.screen or Unattended(),
        )
        return record(session)

    parameters = inspect.signature(call).parameters
    first = inspect.Parameter("spec", inspect.Parameter.POSITIONAL_ONLY, annotation="str | Path")
    signature = inspect.Signature([first, *parameters.values()], return_annotation="Recording")
    record_tour.__signature__ = signature  # type: ignore[attr-defined]
    return record_tour


record_tour = _recorder(ScriptCall)
