"""The name a metric has in Prometheus, by the rules OTLP receivers translate with.

1. Whatever is no letter, digit, `_` or `:` becomes `_`; a run of `_` becomes one.
2. The unit follows as a word (`s` seconds, `By` bytes), unless the name has that word, and what it is counted per
   (`By/s` bytes_per_second); an annotation in braces is no unit.
3. A counter ends in `total`; a gauge of unit `1` ends in `ratio`.
4. A name that begins with a digit gets a `_` before it.
"""

import re
from typing import Final

UNITS: Final = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds",
    "us": "microseconds", "ns": "nanoseconds",
    "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes", "TiBy": "tibibytes",
    "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams",
    "Cel": "celsius", "Hz": "hertz", "1": "", "%": "percent",
}  # fmt: skip
PER: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
_ANNOTATION: Final = re.compile(r"\{[^}]*\}")
_WORDS: Final = re.compile(r"[A-Za-z0-9:]+")


def prometheus_name(name: str, kind: str, unit: str) -> str:
    """Translate a metric's name; `kind` is gauge, updown, counter or histogram.

    A histogram's series are this name and `_bucket`, `_sum` and `_count`.
    """
    words = _WORDS.findall(name)
    main, _, per = unit.partition("/")
    word, per_word = _word(main, UNITS), _word(per, PER)
    if word and word not in words:
        words.append(word)
    if per_word:
        words.append(f"per_{per_word}")
    if kind == "counter":
        words = [*(word for word in words if word != "total"), "total"]
    elif kind == "gauge" and unit == "1":
        words = [*(word for word in words if word != "ratio"), "ratio"]
    told = "_".join(words)
    return f"_{told}" if told[:1].isdigit() else told


def prometheus_label(key: str) -> str:
    """Translate the key of an attribute."""
    return re.sub(r"[^A-Za-z0-9_]", "_", key)


def _word(unit: str, known: dict[str, str]) -> str:
    plain = _ANNOTATION.sub("", unit).strip()
    return known.get(plain, plain)
