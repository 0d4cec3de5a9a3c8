"""A stand-in for spaCy's English model, which no package index has: a real pipeline, installed, with a few rules."""

from __future__ import annotations

import json
from pathlib import Path

import spacy

NAME, VERSION = "en_core_web_sm", "3.8.0"

TAGS = {"DT": ["the"], "IN": ["of"], "VBZ": ["is"], "JJ": ["low"], ",": [","], ".": ["."], "NNS": ["units"]}

LOAD = """
from spacy.util import load_model_from_init_py

def load(**overrides):
    return load_model_from_init_py(__file__, **overrides)
"""


def write(folder: Path) -> None:
    """Install it into a folder that is to come onto the path."""
    pipeline = spacy.blank("en", meta={"name": NAME.removeprefix("en_"), "version": VERSION})
    pipeline.add_pipe("sentencizer", name="tok2vec")
    tagger = pipeline.add_pipe("attribute_ruler", name="tagger")
    tagger.add([[{"IS_DIGIT": True}]], {"TAG": "CD"})
    tagger.add([[{"IS_ALPHA": True}]], {"TAG": "NN"})
    for tag, words in TAGS.items():
        tagger.add([[{"LOWER": word}] for word in words], {"TAG": tag})
    package = folder / NAME
    package.mkdir()
    pipeline.to_disk(package / f"{NAME}-{VERSION}")
    (package / "__init__.py").write_text(LOAD)
    (package / "meta.json").write_text(json.dumps(pipeline.meta))
    told = folder / f"{NAME}-{VERSION}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n")
