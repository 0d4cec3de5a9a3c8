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
        "fig.": "figure",
        "figs.": "figures",
        "i.e.": "that is",
        "jr.": "junior",
        "mr.": "mister",
        "mrs.": "missus",
        "ms.": "miz",
        "no.": "number",
        "prof.": "professor",
        "sr.": "senior",
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
        "apr.",
        "aug.",
        "ave.",
        "blvd.",
        "co.",
        "corp.",
        "dec.",
        "feb.",
        "gen.",
        "gov.",
        "inc.",
        "jan.",
        "jul.",
        "jun.",
        "lt.",
        "ltd.",
        "mar.",
        "mt.",
        "nov.",
        "oct.",
        "rep.",
        "rev.",
        "sen.",
        "sep.",
        "sept.",
        "st.",
        "vol.",
    ]
)
"""Spoken by the engine as they are, but without the full stop, which engines take for the end of a sentence."""

MAY_END = frozenset(
    ["etc.", "usw.", "a.m.", "p.m.", "inc.", "ltd.", "co.", "corp.", "jr.", "sr.", "ave.", "blvd.", "st."]
)
"""These end a sentence all the same when a capital letter follows."""

NEEDS_NUMBER = frozenset(["no.", "nr.", "fig.", "figs.", "abb.", "vol."])
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
