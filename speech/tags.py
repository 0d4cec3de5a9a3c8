"""Which names between angle brackets are markup, and which are only words such as `<branch>`."""

from __future__ import annotations

STRIPPED = frozenset(["b", "br", "code", "em", "i", "p", "strong"])
"""Tags that are taken away; what stands between them stays."""

EMPHASIS = frozenset(["em", "strong"])
BREAKS = frozenset(["br", "p"])

_ELEMENTS = """
a abbr acronym address applet area article aside audio base bdi bdo big blockquote body button canvas caption
center cite col colgroup data datalist dd del details dfn dialog dir div dl dt embed fieldset figcaption figure
font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe img input ins kbd label legend
li link main map mark menu meta meter nav noscript object ol optgroup option output param picture pre progress q rp
rt ruby s samp script section select slot small source span strike style sub summary sup svg table tbody td
template textarea tfoot th thead time title tr track tt u ul var video wbr
audio break desc emphasis lexicon lookup lang metadata paragraph phoneme prosody say-as sentence speak token voice
amazon:effect mstts:express-as
"""
KNOWN = frozenset(_ELEMENTS.split())
"""What HTML and SSML call their elements. They change how a text is shown or spoken, so they are refused by name."""
