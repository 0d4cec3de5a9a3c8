"""Units and currencies as they are said in English. Tables only."""

from __future__ import annotations

UNITS: dict[str, str] = {
    "%": "percent",
    "‰": "per mille",
    "°": "degree",
    "°C": "degree Celsius",
    "°F": "degree Fahrenheit",
    "℃": "degree Celsius",
    "℉": "degree Fahrenheit",
    "B": "byte",
    "kB": "kilobyte",
    "KB": "kilobyte",
    "MB": "megabyte",
    "GB": "gigabyte",
    "TB": "terabyte",
    "PB": "petabyte",
    "KiB": "kibibyte",
    "MiB": "mebibyte",
    "GiB": "gibibyte",
    "TiB": "tebibyte",
    "kbit": "kilobit",
    "Mbit": "megabit",
    "Gbit": "gigabit",
    "kbps": "kilobit per second",
    "Mbps": "megabit per second",
    "Gbps": "gigabit per second",
    "kbit/s": "kilobit per second",
    "Mbit/s": "megabit per second",
    "Gbit/s": "gigabit per second",
    "kB/s": "kilobyte per second",
    "MB/s": "megabyte per second",
    "GB/s": "gigabyte per second",
    "ns": "nanosecond",
    "µs": "microsecond",
    "μs": "microsecond",
    "ms": "millisecond",
    "s": "second",
    "sec": "second",
    "secs": "second",
    "min": "minute",
    "mins": "minute",
    "h": "hour",
    "hr": "hour",
    "hrs": "hour",
    "Hz": "hertz",
    "kHz": "kilohertz",
    "MHz": "megahertz",
    "GHz": "gigahertz",
    "nm": "nanometer",
    "µm": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "km": "kilometer",
    "m²": "square meter",
    "km²": "square kilometer",
    "m³": "cubic meter",
    "m/s": "meter per second",
    "km/h": "kilometer per hour",
    "mph": "mile per hour",
    "ft": "foot",
    "mi": "mile",
    "mg": "milligram",
    "g": "gram",
    "kg": "kilogram",
    "lb": "pound",
    "lbs": "pound",
    "ml": "milliliter",
    "l": "liter",
    "L": "liter",
    "mA": "milliamp",
    "mAh": "milliamp hour",
    "V": "volt",
    "W": "watt",
    "kW": "kilowatt",
    "MW": "megawatt",
    "kWh": "kilowatt hour",
    "dB": "decibel",
    "dpi": "dot per inch",
    "fps": "frame per second",
    "px": "pixel",
    "rpm": "revolution per minute",
    "USD": "US dollar",
    "EUR": "euro",
    "GBP": "British pound",
}
"""One of each; `plural` makes more."""

_UNCHANGED = frozenset(["percent", "per mille", "hertz", "kilohertz", "megahertz", "gigahertz"])

CURRENCIES: dict[str, tuple[str, str]] = {
    "$": ("dollar", "cent"),
    "€": ("euro", "cent"),
    "£": ("pound", "penny"),
    "¥": ("yen", ""),
    "₹": ("rupee", "paisa"),
}

SCALES: dict[str, str] = {
    "k": "thousand",
    "K": "thousand",
    "M": "million",
    "m": "million",
    "B": "billion",
    "bn": "billion",
    "T": "trillion",
}
"""What may follow an amount of money."""

SCALE_WORDS = frozenset(["hundred", "thousand", "million", "billion", "trillion"])


def plural(unit: str) -> str:
    """Return several of a unit: "kilometers per hour", "feet", "degrees Celsius"."""
    if unit in _UNCHANGED:
        return unit
    for parted in (" per ", " Celsius", " Fahrenheit"):
        head, mark, tail = unit.partition(parted)
        if mark:
            return plural(head) + mark + tail
    irregular = {"foot": "feet", "penny": "pence", "paisa": "paise", "yen": "yen"}
    return irregular.get(unit, unit + "s")
