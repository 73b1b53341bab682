"""How the same name comes to be written otherwise: slips, order, initials, other scripts, other transliterations.

It changes a name and knows no list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from numpy.random import Generator

_CYRILLIC = {
    "shch": "щ", "zh": "ж", "kh": "х", "ts": "ц", "ch": "ч", "sh": "ш", "yu": "ю", "ya": "я", "yo": "ё", "ye": "е",
    "a": "а", "b": "б", "v": "в", "g": "г", "d": "д", "e": "е", "z": "з", "i": "и", "y": "й", "k": "к", "l": "л",
    "m": "м", "n": "н", "o": "о", "p": "п", "r": "р", "s": "с", "t": "т", "u": "у", "f": "ф", "h": "х", "c": "к",
    "j": "дж", "q": "к", "w": "в", "x": "кс",
}  # fmt: skip
_GREEK = {
    "th": "θ", "ph": "φ", "ch": "χ", "ps": "ψ", "a": "α", "b": "μπ", "v": "β", "g": "γ", "d": "ντ", "e": "ε", "z": "ζ",
    "i": "ι", "y": "υ", "k": "κ", "l": "λ", "m": "μ", "n": "ν", "o": "ο", "p": "π", "r": "ρ", "s": "σ", "t": "τ",
    "u": "ου", "f": "φ", "h": "χ", "c": "κ", "j": "τζ", "q": "κ", "w": "ου", "x": "ξ",
}  # fmt: skip
_ARABIC = {
    "kh": "خ", "gh": "غ", "sh": "ش", "th": "ث", "dh": "ذ", "aa": "ا", "ee": "ي", "oo": "و", "ou": "و", "a": "", "e": "",
    "i": "ي", "o": "و", "u": "و", "y": "ي", "b": "ب", "t": "ت", "j": "ج", "g": "ج", "h": "ح", "d": "د", "r": "ر",
    "z": "ز", "s": "س", "f": "ف", "q": "ق", "k": "ك", "c": "ك", "l": "ل", "m": "م", "n": "ن", "w": "و", "v": "ف",
    "p": "ب", "x": "كس",
}  # fmt: skip
_OTHERWISE = (
    ("ei", "ey"), ("ou", "u"), ("oo", "u"), ("kh", "h"), ("ks", "x"), ("ya", "ia"), ("yu", "iu"), ("zh", "j"),
    ("q", "k"),
    ("mm", "m"), ("ss", "s"), ("ov", "off"), ("ee", "i"), ("y", "i"), ("e", "i"), ("c", "k"), ("w", "v"), ("ph", "f"),
)  # fmt: skip
_KEYS = {"a": "sq", "e": "rw", "i": "uo", "o": "ip", "n": "bm", "m": "n", "s": "ad", "t": "ry", "r": "et", "l": "k"}


def slip(name: str, generator: Generator) -> str:
    """One letter left out, doubled, exchanged with its neighbour or mistyped, not the first of a word."""
    places = [place for place in range(1, len(name) - 1) if name[place].isalpha() and name[place - 1].isalpha()]
    place = int(generator.choice(places))
    letter = name[place]
    match int(generator.integers(4)):
        case 0:
            return name[:place] + name[place + 1 :]
        case 1:
            return name[:place] + letter + name[place:]
        case 2 if name[place + 1].isalpha():
            return name[:place] + name[place + 1] + letter + name[place + 2 :]
        case _:
            return name[:place] + str(generator.choice(list(_KEYS.get(letter, "e")))) + name[place + 1 :]


def turned(name: str, generator: Generator) -> str:
    """The surname first, perhaps with a comma."""
    first, *rest = name.split()
    return f"{' '.join(rest)}{',' if generator.random() < 0.5 else ''} {first}"


def initial(name: str, generator: Generator) -> str:
    first, *rest = name.split()
    return f"{first[0]}{'.' if generator.random() < 0.5 else ''} {' '.join(rest)}"


def middle(name: str, generator: Generator) -> str:
    """A middle name more."""
    first, *rest = name.split()
    return f"{first} {generator.choice(('Maria', 'Ahmed', 'Lee', 'Ivan', 'A.'))} {' '.join(rest)}"


def otherwise(name: str, generator: Generator) -> str:
    """Another transliteration of the same sounds; unchanged where none is known."""
    lower = name.lower()
    known = [(one, other) for one, other in _OTHERWISE if one in lower[1:]]
    if not known:
        return name
    one, other = known[int(generator.integers(len(known)))]
    return (lower[0] + lower[1:].replace(one, other, 1)).title()


def cyrillic(name: str, generator: Generator) -> str:
    return written_in(name, _CYRILLIC)


def greek(name: str, generator: Generator) -> str:
    return written_in(name, _GREEK)


def arabic(name: str, generator: Generator) -> str:
    """Without short vowels, as it is written."""
    return written_in(name, _ARABIC)


VARIANTS: Mapping[str, Callable[[str, Generator], str]] = {
    "slip": slip, "order": turned, "initial": initial, "middle name": middle, "transliteration": otherwise,
    "Cyrillic": cyrillic, "Greek": greek, "Arabic": arabic,
}  # fmt: skip


def written_in(name: str, letters: Mapping[str, str]) -> str:
    """The name in the letters of another script, longest groups first; an initial vowel is always written."""
    found = []
    for word in name.lower().split():
        place, text = 0, ""
        while place < len(word):
            size = next((size for size in (4, 3, 2, 1) if word[place : place + size] in letters), 0)
            piece = word[place : place + size] if size else word[place]
            letter = letters.get(piece, piece)
            text += letter or ("ا" if place == 0 else "")
            place += max(size, 1)
        found.append(text)
    return " ".join(found)
