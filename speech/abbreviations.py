"""Words whose full stop does not end a sentence. Tables only; a new language is a new entry."""

from __future__ import annotations

SPOKEN: dict[str, dict[str, str]] = {
    "en": {
        "approx.": "approximately",
        "apt.": "apartment",
        "ave.": "Avenue",
        "bldg.": "building",
        "blvd.": "Boulevard",
        "capt.": "captain",
        "c.": "circa",
        "ca.": "circa",
        "cf.": "compare",
        "co.": "company",
        "col.": "colonel",
        "corp.": "corporation",
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
        "gen.": "general",
        "gov.": "governor",
        "i.e.": "that is",
        "inc.": "incorporated",
        "jr.": "junior",
        "lt.": "lieutenant",
        "ltd.": "limited",
        "mr.": "mister",
        "mrs.": "missus",
        "mt.": "Mount",
        "ms.": "miz",
        "no.": "number",
        "nos.": "numbers",
        "p.": "page",
        "pp.": "pages",
        "prof.": "professor",
        "rd.": "Road",
        "rm.": "room",
        "rep.": "representative",
        "rev.": "reverend",
        "sec.": "section",
        "sen.": "senator",
        "sgt.": "sergeant",
        "sr.": "senior",
        "st.": "Saint",
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
"""What to say instead, by the main language code; keys are in lower case and include the full stop."""

STREETS = {"st.": "Street", "dr.": "Drive"}
"""What these mean after the name of a street."""

_UNCHANGED_WORDS = (
    "al. apr. aug. ave. blvd. capt. co. col. corp. dec. evtl. feb. fri. gen. gov. hon. hr. inc. ing. jan. jul. jun. "
    "lt. ltd. mag. mar. max. min. mlle. mme. mt. nov. oct. pres. rep. rev. sen. sep. sept. sgt. st. "
    "mon. thu. tue. wed."
)
UNCHANGED = frozenset(_UNCHANGED_WORDS.split())
"""Spoken as they are but without the full stop, which engines treat as the end of a sentence."""

_MAY_END_WORDS = (
    "etc. usw. a.m. p.m. inc. ltd. co. corp. jr. sr. ave. blvd. st. max. min. al. apr. aug. dec. feb. jan. jul. jun. "
    "mar. nov. oct. sep. sept. mon. tue. wed. thu. fri. rd. dr."
)
MAY_END = frozenset(_MAY_END_WORDS.split())
"""These do end a sentence if a capital letter follows."""

_GO_ON_WORDS = "monday tuesday wednesday thursday friday saturday sunday est edt cst cdt mst mdt pst pdt utc gmt"
GO_ON = frozenset(_GO_ON_WORDS.split())
"""Capitalised words that continue the sentence after these: "at 5 p.m. Monday"."""

_STARTERS_WORDS = (
    "a after also an and as at because before but by click for from he her here his how however i if in it its let my "
    "next no not now on once one or our please press she so some that the their then there these they this those to "
    "we what when where which while who why with yes you your"
)
STARTERS = frozenset(_STARTERS_WORDS.split())
"""A capital on one of these begins a sentence, also after "U.S."; on another word it may belong to a name."""

_NEEDS_NUMBER_WORDS = "no. nos. nr. c. ca. rm. fig. figs. abb. vol. p. pp. ch. eq. sec. ext. est."
NEEDS_NUMBER = frozenset(_NEEDS_NUMBER_WORDS.split())
"""These are abbreviations only before a number: "No. 5", but "He said no."."""

_ORDINAL_DOT_WORDS = "cs da de et fi hr hu is lv lt nb no pl sk sl sr tr"
ORDINAL_DOT = frozenset(_ORDINAL_DOT_WORDS.split())
"""Languages that write "3. Mai": a number with a full stop ends no sentence there."""


def spoken(word: str, language: str, before: str = "", following: str = "") -> str | None:
    """Return the spoken form of an abbreviation (with its full stop), None if it is not in the tables."""
    key, base = word.lower(), language.split("-")[0]
    if base == "en" and key in STREETS and is_street(before, following):
        return STREETS[key]
    expansion = SPOKEN.get(base, {}).get(key)
    if expansion is not None:
        return expansion
    return word[:-1] if key in UNCHANGED else None


def is_known(key: str, language: str) -> bool:
    """Say whether a word in lower case, with its full stop, is an abbreviation in this language."""
    return key in UNCHANGED or key in SPOKEN.get(language.split("-")[0], {})


def is_street(before: str, following: str) -> bool:
    """Say whether "St." and "Dr." mean a street or drive ("Baker St.", "10 Main Dr.") and not a saint or a doctor."""
    is_numbered = before[:1].isdigit() and before.endswith(("st", "nd", "rd", "th"))
    is_named = before[:1].isupper() and before[-1:].isalpha() and before.lower() not in STARTERS
    if not (is_numbered or is_named):
        return False
    continues_with_a_name = following[:1].isupper() and following.strip(".,;:!?").lower() not in STARTERS
    return not continues_with_a_name
