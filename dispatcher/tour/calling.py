"""A tour as a call of a script: `record_tour("tour.json", output="film.mp4")`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec

from dispatcher.assembly.zoom import STRENGTH
from dispatcher.config import Settings
from dispatcher.tour import encoding, workers
from dispatcher.tour.options import Options, lexicon_file
from dispatcher.tour.record import Recording, record
from dispatcher.tour.screen import Screen, Unattended
from protocol.errors import UsageError
from usertext.problems import not_one_of

P = ParamSpec("P")
CHOICES = {"tts_backend": workers.BACKENDS, "encode_backend": encoding.BACKENDS, "zoom": tuple(STRENGTH)}


@dataclass(frozen=True, kw_only=True)
class Call(Options):
    """What a script says beside the spec: the options of the command line, who is told, and the settings."""

    screen: Screen | None = None  # without it, warnings go to the log and every question is answered with no
    settings: Settings | None = None  # without them, those of the environment


def _recorder(call: Callable[P, Call]) -> Callable[Concatenate[str | Path, P], Recording]:
    """Return the function that takes a spec and everything that a call takes, by name."""

    def record_tour(spec: str | Path, /, *nothing: P.args, **options: P.kwargs) -> Recording:
        """Record a narrated tour and return what was made: its film, its report, the narration, and the warnings.

        The options are those of `gpudrop tour`, by name; paths may be texts. With `dry_run` nothing is filmed. Shell
        lines of the spec run only with `allow_setup`, and new words of `enhance` are taken only where it says `yes`.
        Raises SpecError for a wrong spec, and whatever else went wrong as a GpudropError.
        """
        if unknown := [name for name in options if name not in parameters]:
            raise TypeError(f"record_tour() got an unexpected keyword argument {unknown[0]!r}")
        asked = call(*nothing, **options)
        for name, allowed in CHOICES.items():
            if (value := getattr(asked, name)) not in allowed:
                raise UsageError(f"{name}: {not_one_of(value, allowed)}")
        settings = asked.settings or Settings()
        lexicon = lexicon_file(asked.lexicon, settings.lexicon)
        plain = {name: value for name, value in vars(asked).items() if name not in ("screen", "settings", "lexicon")}
        return record(Path(spec), Options(**plain, lexicon=lexicon), settings, asked.screen or Unattended())

    parameters = inspect.signature(call).parameters
    first = inspect.Parameter("spec", inspect.Parameter.POSITIONAL_ONLY, annotation="str | Path")
    signature = inspect.Signature([first, *parameters.values()], return_annotation="Recording")
    record_tour.__signature__ = signature  # type: ignore[attr-defined]
    return record_tour


record_tour = _recorder(Call)
