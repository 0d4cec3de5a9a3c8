"""What a kind of work is: data that says what goes in and what must come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StrictStr

from protocol.layout import check_portable_name

OutputId = Annotated[StrictStr, Field(min_length=1, max_length=64), AfterValidator(check_portable_name)]
"""An id that becomes part of a file name: portable to every file system."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of work. A new one is a module beside this and a folder in `colab/handlers/`, and nothing else."""

    name: str
    params: type[BaseModel]
    outputs: Callable[[Any], dict[str, str]]  # checked Params → {result path: media type}
    read_json: Callable[[bytes], Any] | None = None  # reads an output of JSON; BadMessage says what is wrong
    independent_outputs: bool = False  # each output stands for itself, so those of an ended attempt may be kept
