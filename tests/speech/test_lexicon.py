"""The pronunciation of words that are spelled differently."""

from __future__ import annotations

import pytest

from protocol.errors import UsageError
from protocol.kinds import tts
from speech import lexicon
from speech.lexicon import Lexicon


def respelled(entries, text):
    return Lexicon(entries).respell(text.split())


@pytest.mark.parametrize(
    ("entries", "text", "read"),
    [
        ({"nginx": "engine x"}, "Nginx, (NGINX) nginx's.", ["engine x,", "(engine x)", "engine x's."]),
        ({"SQL": "sequel"}, "SQL sql PostgreSQL SQL-like", ["sequel", "sql", "PostgreSQL", "sequel-like"]),
        ({"C++": "see plus plus", "C": "see"}, "C C++ C# C.", ["see", "see plus plus", "C#", "see."]),
        ({"node": "nohd"}, "node node.js a/node x_node node.", ["nohd", "node.js", "a/node", "x_node", "nohd."]),
        (
            {"Visual Studio Code": "V S code", "studio": "stew dio"},
            "Open “Visual Studio Code”! Studio.",
            ["Open", "“V", "S", "code”!", "stew dio."],
        ),
        ({"new york": "nyork"}, "in New York's heart", ["in", "", "nyork's", "heart"]),
        ({"東京": "とうきょう"}, "東京に行く", ["とうきょうに行く"]),
    ],
)
def test_whole_words_are_respelled(entries, text, read):
    """Whole words only, in any case unless the entry has capitals; a respelling is divided among several words."""
    assert respelled(entries, text) == read


def test_the_spec_wins(tmp_path):
    """The entries of user and tour are combined; the tour's take precedence."""
    file = tmp_path / "lexicon.toml"
    file.write_text('nginx = "engine x"\n"Foo Bar" = "fubar"\n', encoding="utf-8")
    assert lexicon.merge(lexicon.load(file), {"Nginx": "en jinx"}) == {"Foo Bar": "fubar", "Nginx": "en jinx"}
    assert lexicon.load(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("l.json", '{"a": 1}', 'entry "a" must be text, not int'),
        ("l.json", '{"a": "…"}', 'entry "a" respells as "…", which has no letter'),
        ("l.json", '{"--": "b"}', 'entry "--" is "--", which has no letter'),
        ("l.json", '{"a": "[[h@l]]"}', "entry \"a\" respells with '['"),
        ("l.json", '{"a": "b\\u0007"}', "invisible"),
        ("l.json", '{"a": "b", "a": "c"}', 'duplicate entry "a"'),
        ("l.json", '["a"]', "must be an object"),
        ("l.json", '{"a": ', "is invalid"),
        ("l.toml", 'a = "b\n', "is invalid"),
        ("l.toml", "[a]\nb = 'c'\n", 'entry "a" must be text, not dict'),
        ("l.json", '{"a": "%s"}' % ("x" * 201), "shorten it to 200"),
        ("l.json", '{"%s": "x"}' % ("a" * 65), "shorten it to 64"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, name, content, told):
    """The message names the file and the entry."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as wrong:
        lexicon.load(tmp_path / name)
    assert told in str(wrong.value)
    assert str(tmp_path / name) in str(wrong.value)


def test_limits_are_those_of_the_wire():
    """Every accepted entry can be sent."""
    assert (lexicon.MAX_ENTRIES, lexicon.MAX_WRITTEN, lexicon.MAX_SPOKEN) == (
        tts.MAX_ENTRIES,
        tts.MAX_WRITTEN,
        tts.MAX_SPOKEN,
    )
    with pytest.raises(UsageError, match="501 entries together"):
        lexicon.merge({f"a{n}": "b" for n in range(250)}, {f"c{n}": "d" for n in range(251)})
