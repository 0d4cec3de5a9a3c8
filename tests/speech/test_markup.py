"""An author's narration is parsed into the text that is shown and spoken, and marks on its words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import UsageError
from speech.markup import MarkedText, parse
from speech.text import written_words


@pytest.mark.parametrize(
    ("written", "text", "pauses"),
    [
        ("Wait [pause 0.5s] now.", "Wait now.", ((1, 0.5),)),
        ("Wait[pause 500ms]. Now [PAUSE: 2 s]go.", "Wait. Now go.", ((1, 0.5), (2, 2.0))),
        ("Wait [pause]now[pause]then", "Wait now then", ((1, 0.5), (2, 0.5))),
        ("[pause 1s] Go [pause 1s][pause .25s]", "Go", ((0, 1.0), (1, 1.25))),
        ("[pause 2 seconds]", "", ((0, 2.0),)),
        ("Keep [pause 0s] on.", "Keep on.", ()),
    ],
)
def test_pauses_lie_between_words(written, text, pauses):
    """A pause is positioned by the words before it, leaves no space behind, and is added to an adjacent one."""
    assert parse(written) == MarkedText(text=text, pauses=pauses)


@pytest.mark.parametrize(
    ("written", "text", "emphasis"),
    [
        ("This is *very* good.", "This is very good.", (2,)),
        ("Press **run all cells**, now.", "Press run all cells, now.", (1, 2, 3)),
        ("**Note:** (*really*)", "Note: (really)", (0, 1)),
        ("***Both*** and **a *b* c**.", "Both and a b c.", (0, 2, 3, 4)),
        ("<em>One</em> <STRONG>two three</STRONG> <b>four</b>", "One two three four", (0, 1, 2)),
        ("<em>to the end", "to the end", (0, 1, 2)),
    ],
)
def test_emphasis_counts_words(written, text, emphasis):
    """Stars and em or strong tags emphasise every word inside; bold alone does not."""
    assert parse(written) == MarkedText(text=text, emphasis=emphasis)


@pytest.mark.parametrize(
    "text",
    [
        "a < b and c > d",
        "2 * 3 * 4 is 24, 2*3*4 too",
        "snake_case, __init__ and _private_",
        "f(*args, **kwargs)",
        "**kwargs and *args, *rest",
        "[1, 2] and a[0](x) and [[2]]",
        "glob *.py, src/*.c, **/*.py lib/*",
        "git switch <branch>, a List<String>",
        "AT&T, x?a=1&copy=2, 5 % & # /",
        "C:\\temp\\new and 1. first",
        "#1, C# and issue #5",
        "-5 degrees, x - y",
        "“Quotes” — dashes… 😀",
    ],
)
def test_what_is_no_markup_stays(text):
    """Comparisons, products, identifiers, globs, paths and placeholders are ordinary text."""
    assert parse(text) == MarkedText(text=text)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("# Title\nText.", "Title\n\nText."),
        ("## Title ##\n\n- one\n* two\n+ three\n1. four", "Title\n\none\n\ntwo\n\nthree\n\n1. four"),
        ("- [x] done\n> quoted\n---\nend", "done\n\nquoted\n\nend"),
        ('See [the docs](https://x.org/a_(b) "title") and ![a plot](p.png).', "See the docs and a plot."),
        ("<https://x.org/a> <mailto:a@b.org>", "https://x.org/a a@b.org"),
        ("Use `a *b* [pause] <b>`, ``c`d``.", "Use a *b* [pause] <b>, c`d."),
        ("\\*not\\* \\[pause] \\<b> \\`x\\` \\# \\&amp;", "*not* [pause] <b> `x` # &amp;"),
        ("&lt;b&gt; &amp; x&nbsp;y &#8203;", "<b> & x y"),
        ("<p>One<br/>two</p><b>x</b><i>y</i><code>z</code>", "One\ntwo\n\nxyz"),
    ],
)
def test_markdown_and_simple_tags_are_taken_away(written, text):
    """Headings and items become paragraphs, links their text, code its content; a backslash escapes a mark."""
    assert parse(written) == MarkedText(text=text)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("<speak>Hello</speak>", "<speak>"),
        ("a <prosody rate='x'>b", "<prosody>"),
        ("a <break time='1s'/>", "<break>"),
        ("<script>alert(1)", "<script>"),
        ("<thing a=1>", "<thing>"),
        ("</thing>", "</thing>"),
        ("<!-- note -->", "<!--"),
        ("<?xml version='1'?>", "<?x"),
        ("Look:\n```python\nx\n```", "fence"),
        ("~~~\nx", "fence"),
        ("[pause long]", "[pause long] is not a valid pause; write [pause 0.5s]"),
        ("[pause -1s]", "is not a valid pause"),
        ("[pause 61s]", "60 s is the longest"),
        ("[pause 40s][pause 40s]", "80 s at one place"),
    ],
)
def test_what_cannot_be_spoken_is_refused(written, told):
    """Other markup is neither read aloud nor dropped: the message quotes it and says what to write."""
    with pytest.raises(UsageError) as refused:
        parse(written)
    assert told in str(refused.value)


@given(st.text(alphabet=st.one_of(st.sampled_from("*[]()<>/`\\# -\n_aé1.&;=\u0301\u200d\ue02a"), st.characters())))
def test_any_narration_has_a_sound_script_or_a_reason(written):
    """Any text is refused with a message, or becomes words that both sides count alike, with valid positions."""
    try:
        made = parse(written)
    except UsageError:
        return
    words = made.text.split()
    assert written_words(made.text) == tuple(words)
    assert all(0 <= place <= len(words) for place, _ in made.pauses)
    assert [place for place, _ in made.pauses] == sorted({place for place, _ in made.pauses})
    assert all(0 <= place < len(words) for place in made.emphasis)


@pytest.mark.parametrize("unit", ["*a ", "`a` ", "[pause 1ms]x", "*a* ", "<em>a", "[", "<a", "**", "`a``b```", "- \n"])
def test_long_nonsense_is_read_at_once(unit):
    """Fifty thousand characters of unfinished marks are parsed quickly."""
    began = time.process_time()
    parse((unit * 50_000)[:50_000].rstrip("`"))
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("written", "text", "misspelt"),
    [
        ("Hello [paus 1s] there", "Hello there", (("[paus 1s]", "[pause 1s]"),)),
        ("Hello[puase], you", "Hello, you", (("[puase]", "[pause]"),)),
        ("Hi [pause1s] you [PAUS: .5 s]", "Hi you", (("[pause1s]", "[pause 1s]"), ("[PAUS: .5 s]", "[pause .5 s]"))),
        ("the [cause] of [a] [note 2s]", "the [cause] of [a] [note 2s]", ()),
        ("as `[paus 1s]` or \\[paus 1s]", "as [paus 1s] or [paus 1s]", ()),
        ("a [paus](http://x.org) b", "a paus b", ()),
    ],
)
def test_a_misspelt_pause_is_left_out(written, text, misspelt):
    """A misspelt pause is recorded and not read aloud; other words in brackets are text."""
    script = parse(written)
    assert script.text == text
    assert script.misspelt == misspelt
    assert script.pauses == ()
