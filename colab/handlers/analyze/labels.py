"""What is looked for when nobody says what: things, places and ways of filming that films are made of."""

from __future__ import annotations

GENERAL = (
    "a person", "a face", "a man", "a woman", "a child", "a crowd of people", "a family", "hands", "a couple",
    "a dog", "a cat", "a horse", "a bird", "fish", "insects", "farm animals", "wild animals",
    "a tree", "flowers", "a forest", "grass", "mountains", "the sea", "a beach", "a river", "a lake", "a waterfall",
    "a desert", "snow", "the sky", "clouds", "rain", "fog", "a sunset", "the moon and stars", "fire", "smoke",
    "a city", "a street", "a village", "a house", "a tall building", "a bridge", "a tower", "a church", "ruins",
    "a park", "a garden", "a field", "a road", "a railway station", "an airport", "a harbour", "a market", "a shop",
    "a room", "a kitchen", "a bedroom", "a bathroom", "an office", "a classroom", "a factory", "a workshop",
    "a hospital", "a restaurant", "a stage", "a stadium", "a museum", "a library", "a staircase",
    "a car", "a bus", "a truck", "a train", "a bicycle", "a motorcycle", "an aeroplane", "a boat", "a ship",
    "a computer", "a phone", "a television", "a camera", "a book", "a newspaper", "a map", "a clock", "a toy",
    "a tool", "a machine", "a weapon", "clothes", "shoes", "a bag", "furniture", "a lamp", "a window", "a door",
    "food", "fruit", "vegetables", "bread", "a cake", "a drink", "a meal",
    "sport", "football", "running", "swimming", "dancing", "music being played", "singing", "cooking", "eating",
    "reading", "writing", "talking", "an interview", "a lecture", "a meeting", "a wedding", "a party", "a protest",
    "a computer screen", "program code", "a presentation slide", "a diagram", "a chart", "a document", "a website",
    "text on a plain background", "a title card", "end credits", "a logo", "subtitles",
    "a cartoon", "a computer animation", "a video game", "a painting", "a drawing", "a sculpture",
    "a landscape", "a view from the air", "a close-up", "a black and white picture", "a night scene", "underwater",
    "an empty black picture",
)  # fmt: skip
"""In the words that a caption would use, which is what CLIP was taught with."""

TEMPLATES = ("a photo of {}.", "a still from a film of {}.", "a picture showing {}.", "{}.")
"""Each label is put into all of these and their meanings averaged: that is steadier than one (Radford et al., 2021)."""


def asked(labels: tuple[str, ...], *, general: bool) -> tuple[str, ...]:
    """Return the labels to look for, each once: those given first."""
    return tuple(dict.fromkeys([*(label.strip() for label in labels if label.strip()), *(GENERAL if general else ())]))
