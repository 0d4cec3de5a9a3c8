"""Words written with a full stop that ends no sentence. Tables only; a new language is a new entry."""

from __future__ import annotations

SPOKEN: dict[str, dict[str, str]] = {
    "en": {
        "approx.": "approximately",
        "cf.": "compare",
        "dept.": "department",
        "dr.": "doctor",
        "e.g.": "for example",
        "etc.": "et cetera",
        "ch.": "chapter",
        "eq.": "equation",
        "est.": "established",
        "ext.": "extension",
        "fig.": "figure",
        "figs.": "figures",
        "i.e.": "that is",
        "jr.": "junior",
        "mr.": "mister",
        "mrs.": "missus",
        "ms.": "miz",
        "no.": "number",
        "nos.": "numbers",
        "p.": "page",
        "pp.": "pages",
        "prof.": "professor",
        "sec.": "section",
        "sr.": "senior",
        "vol.": "volume",
        "vs.": "versus",
    },
    "de": {
        "abb.": "Abbildung",
        "bzw.": "beziehungsweise",
        "ca.": "zirka",
        "d.h.": "das heißt",
        "dr.": "Doktor",
        "ggf.": "gegebenenfalls",
        "nr.": "Nummer",
        "prof.": "Professor",
        "s.o.": "siehe oben",
        "u.a.": "unter anderem",
        "usw.": "und so weiter",
        "vgl.": "vergleiche",
        "z.b.": "zum Beispiel",
    },
    "fr": {
        "dr.": "docteur",
        "etc.": "et cetera",
        "fig.": "figure",
        "m.": "monsieur",
        "p.ex.": "par exemple",
    },
    "es": {
        "dr.": "doctor",
        "dra.": "doctora",
        "etc.": "etcétera",
        "fig.": "figura",
        "p.ej.": "por ejemplo",
        "sr.": "señor",
        "sra.": "señora",
    },
}
"""What to say instead, by the language's first part; keys are in lower case and end with the full stop."""

UNCHANGED = frozenset(
    [
        "al.",
        "apr.",
        "aug.",
        "ave.",
        "blvd.",
        "capt.",
        "co.",
        "col.",
        "corp.",
        "dec.",
        "evtl.",
        "feb.",
        "gen.",
        "gov.",
        "hon.",
        "hr.",
        "inc.",
        "ing.",
        "jan.",
        "jul.",
        "jun.",
        "lt.",
        "ltd.",
        "mag.",
        "mar.",
        "max.",
        "min.",
        "mlle.",
        "mme.",
        "mt.",
        "nov.",
        "oct.",
        "pres.",
        "rep.",
        "rev.",
        "sen.",
        "sep.",
        "sept.",
        "sgt.",
        "st.",
    ]
)
"""Spoken by the engine as they are, but without the full stop, which engines take for the end of a sentence."""

MAY_END = frozenset(
    [
        "etc.",
        "usw.",
        "a.m.",
        "p.m.",
        "inc.",
        "ltd.",
        "co.",
        "corp.",
        "jr.",
        "sr.",
        "ave.",
        "blvd.",
        "st.",
        "max.",
        "min.",
        "al.",
        "apr.",
        "aug.",
        "dec.",
        "feb.",
        "jan.",
        "jul.",
        "jun.",
        "mar.",
        "nov.",
        "oct.",
        "sep.",
        "sept.",
    ]
)
"""These end a sentence all the same when a capital letter follows."""

GO_ON = frozenset(
    [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "est",
        "edt",
        "cst",
        "cdt",
        "mst",
        "mdt",
        "pst",
        "pdt",
        "utc",
        "gmt",
    ]
)
"""Capitalised words that go on with the sentence after those: "at 5 p.m. Monday"."""

STARTERS = frozenset(
    [
        "a",
        "after",
        "also",
        "an",
        "and",
        "as",
        "at",
        "because",
        "before",
        "but",
        "by",
        "click",
        "for",
        "from",
        "he",
        "her",
        "here",
        "his",
        "how",
        "however",
        "i",
        "if",
        "in",
        "it",
        "its",
        "let",
        "my",
        "next",
        "no",
        "not",
        "now",
        "on",
        "once",
        "one",
        "or",
        "our",
        "please",
        "press",
        "she",
        "so",
        "some",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "we",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "why",
        "with",
        "yes",
        "you",
        "your",
    ]
)
"""A capital on one of these begins a sentence, also after "U.S."; on another word it may belong to a name."""

NEEDS_NUMBER = frozenset(
    ["no.", "nos.", "nr.", "fig.", "figs.", "abb.", "vol.", "p.", "pp.", "ch.", "eq.", "sec.", "ext.", "est."]
)
"""These are abbreviations only before a number: "No. 5", but "He said no."."""

ORDINAL_DOT = frozenset(
    ["cs", "da", "de", "et", "fi", "hr", "hu", "is", "lv", "lt", "nb", "no", "pl", "sk", "sl", "sr", "tr"]
)
"""Languages that write "3. Mai": a number with a full stop ends no sentence there."""


def spoken(word: str, language: str) -> str | None:
    """Return what to say for an abbreviation (a word with its full stop), None where it is none of ours."""
    key = word.lower()
    expansion = SPOKEN.get(language.split("-")[0], {}).get(key)
    if expansion is not None:
        return expansion
    return word[:-1] if key in UNCHANGED else None


def is_known(key: str, language: str) -> bool:
    """Say whether a word in lower case, with its full stop, is an abbreviation that this language has."""
    return key in UNCHANGED or key in SPOKEN.get(language.split("-")[0], {})


def is_street(before: str) -> bool:
    """Say whether "St." after this word is a street ("Baker St.") rather than a saint."""
    return before[:1].isupper() and before[-1:].isalpha()
