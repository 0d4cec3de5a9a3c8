"""What a kind of work is: data that says what goes in and what must come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StrictStr

from protocol.layout import check_portable_name

OutputId = Annotated[StrictStr, Field(min_length=1, max_length=64), AfterValidator(check_portable_name)]
"""An id that becomes part of a file name: portable to every file system."""

Medium = Literal["picture", "film", "sound", "text"]
"""What a file is, by its content."""

SOURCE = "source"
"""The name of the one input of a kind that works on a file. Always the same: equal work has an equal digest.

A result path that begins with it is called after the file when it is brought home: `source.srt` of `talk.mp4` becomes
`talk.srt`.
"""

CHECKPOINTS = "checkpoints/"
"""Below this, an attempt publishes what another one may go on from. It never is part of a result."""


Fit = Callable[[Mapping[str, Any], Medium, str], Mapping[str, Any]]
"""(raw parameters, what the source is, its container by ffmpeg's name) → raw parameters that suit it.

The container of a text is the ending of its name, without the dot.

It fills in what was left open and follows from the source, the format of the result first. ValueError tells what does
not go together, and the hint.
"""

Sized = Callable[[Any, tuple[int, int]], object]
"""(checked Params, the source's width and height as shown). ValueError tells that it is too large or small for them."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """Values of a parameter that the workers that were seen may lack, and how one gets a worker that takes them."""

    values: tuple[str, ...]
    needs: str  # what such a worker has, in words
    extra: str  # which installs it


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of work. A new one is a module beside this and a folder in `colab/handlers/`, and nothing else."""

    name: str
    params: type[BaseModel]
    outputs: Callable[[Any], dict[str, str]]  # checked Params → {result path: media type}
    takes: tuple[Medium, ...] = ()  # what the input SOURCE may be; a kind that takes no file has none
    endings: frozenset[str] = frozenset()  # of texts that a folder is searched for; any file is text by its content
    hears: bool = False  # a source without a sound is of no use
    fit: Fit | None = None
    sized: Sized | None = None
    scripted: frozenset[str] = frozenset()  # parameters that no command line has, only scripts
    read_json: Callable[[bytes], Any] | None = None  # reads an output of JSON; BadMessage says what is wrong
    json_bytes: int = 1 << 20  # how long such an output may be
    independent_outputs: bool = False  # each output stands for itself, so those of an ended attempt may be kept
    checkpoints: bool = False  # an attempt leaves some, and the next one goes on from them
    only_looks: bool = False  # its outputs tell of the source and cannot stand for it: a step after it takes that
    compared: bool = False  # a page shows its result over its source
    example: bool = False  # it shows how a kind is made, and has no page
    neural: bool = True  # there are neural engines for it: what another made may be made better once one is here
    extras: Mapping[str, str] = field(default_factory=dict)  # engine → the extra that installs what it needs
    known: Mapping[str, Known] = field(default_factory=dict)  # parameter → values that some worker may take
