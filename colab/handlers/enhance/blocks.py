"""A text file as the texts in it: paragraphs and list items are written anew, what is between them stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.errors import JobFailed
from protocol.kinds.enhance import MAX_CHARACTERS, MAX_FILE_BYTES

_FENCE = re.compile(r"[ \t]*(```|~~~)")
_AS_IT_IS = re.compile(
    r"[ \t]*(?:#{1,6}[ \t].*|(?:[-*_=][ \t]*){3,}|\|.*|<!--.*|<[^<>]*>|\[[^\]]*\]:.*|\d\d?:\d\d.*-->.*)?"
)
"""Headings, rules, tables, comments, link targets, times of captions and empty lines."""

_INDENTED = re.compile(r"(?: {4}|\t).*")
"""Code, unless it goes on with a paragraph."""

_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)]|>)[ \t]+(?:\[[ xX]\][ \t]+)?")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A piece of a file. Only one with an `id` is written anew."""

    text: str
    id: str | None = None


def read(path: Path) -> tuple[str, str]:
    """Return the text of a file with plain line ends, and the line ends that it had.

    Raises `JobFailed` INPUT_CORRUPT, naming what is wrong.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise _wrong(f"is {size} bytes long; at most {MAX_FILE_BYTES} are taken: split it")
    data = path.read_bytes()
    if b"\0" in data:
        raise _wrong(f"is no text: byte {data.index(0)} is zero. Give a file of plain text in UTF-8, not a document")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong(f"is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    if not text.strip():
        raise _wrong("is empty: there is nothing to rewrite")
    return text.replace("\r\n", "\n").replace("\r", "\n"), "\r\n" if "\r\n" in text else "\n"


def _wrong(what: str) -> JobFailed:
    return JobFailed(f"the source {what}", code="INPUT_CORRUPT")


def split(text: str, purpose: str) -> list[Block]:
    """Return the blocks of a text, which joined are the text again. A prompt is one block, whatever it looks like."""
    if purpose == "prompt":
        bare = text.strip()
        before, _, after = text.partition(bare)
        return _numbered([Block(text=before), Block(text=bare, id="?"), Block(text=after)])
    return _numbered(_lines(text))


def _lines(text: str) -> list[Block]:
    blocks: list[Block] = []
    paragraph: list[str] = []
    fenced: str | None = None

    def close() -> None:
        if paragraph:
            written = "".join(paragraph)
            bare = written.rstrip("\n")
            blocks.append(Block(text=bare, id="?"))
            blocks.append(Block(text=written[len(bare) :]))
            paragraph.clear()

    for line in text.splitlines(keepends=True) if "\n" in text else [text]:
        fence = _FENCE.match(line)
        if fenced is not None or fence:
            close()
            blocks.append(Block(text=line))
            if fence:
                fenced = fence[1] if fenced is None else None if fence[1] == fenced else fenced
        elif _AS_IT_IS.fullmatch(bare := line.rstrip("\n")) or (not paragraph and _INDENTED.fullmatch(bare)):
            close()
            blocks.append(Block(text=line))
        elif item := _ITEM.match(line):
            close()
            blocks.append(Block(text=item[0]))
            paragraph.append(line[item.end() :])
        else:
            paragraph.append(line)
    close()
    return blocks


def _numbered(blocks: list[Block]) -> list[Block]:
    """Give each text its id, and check its length."""
    made: list[Block] = []
    count = 0
    for block in blocks:
        if block.id is None or not block.text.strip():
            made.append(Block(text=block.text))
            continue
        count += 1
        if len(block.text) > MAX_CHARACTERS:
            raise _wrong(f"has {len(block.text)} characters in paragraph {count}; at most {MAX_CHARACTERS}: split it")
        made.append(Block(text=block.text, id=f"{count:04d}"))
    return [block for block in made if block.text]


def joined(blocks: list[Block], texts: Mapping[str, str]) -> str:
    """Return the whole text, with these texts in the places of those that were written anew."""
    return "".join(block.text if block.id is None else texts[block.id] for block in blocks)
