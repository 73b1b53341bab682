"""A name as it can be compared: in Latin letters, lower case, without titles and legal forms, in tokens. Knows no list.

It is the one owner of anyascii.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

SILENT = {  # words that tell no two names apart
    "titles": ("mr mrs ms dr prof sir haji sheikh sheik mullah general gen col eng jr sr hon "),
    "forms": (
        "ltd limited llc inc corp corporation co company gmbh ag sa sas sarl srl spa bv nv oy ab as plc pte pty ooo "
        "oao zao pao ao jsc kg ug ohg sl lda fze fzco dmcc holding holdings group the and und et of "
    ),
    "particles": ("al el bin ibn bint abu abd de la le du da dos di von van der den ten ul ud "),
}
IGNORED = frozenset(word for words in SILENT.values() for word in words.split())
_GREEK = (  # pairs of letters for one sound, which letter by letter would not give
    ("μπ", "b"), ("ντ", "d"), ("γκ", "g"), ("τζ", "j"), ("ου", "u"), ("χ", "ch"), ("β", "v"), ("η", "i"), ("φ", "f"),
)  # fmt: skip
_ABSENT = str.maketrans("pvg", "bfj")  # sounds that Arabic letters stand in for with others
_ABJAD = re.compile(r"[\u0590-\u05FF\u0600-\u06FF\u0750-\u077F]")
_SOUNDS = (
    ("sch", "sh"), ("tsch", "ch"), ("kh", "h"), ("gh", "g"), ("ph", "f"), ("dj", "j"), ("dzh", "j"), ("zh", "j"),
    ("ck", "k"), ("q", "k"), ("w", "v"), ("x", "ks"), ("th", "t"), ("dh", "d"), ("tz", "ts"), ("c", "k"), ("y", "i"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """Tokens in the order written, particles apart; `bare` is True where the script writes no vowels."""

    tokens: tuple[str, ...]
    bare: bool = False

    @property
    def joined(self) -> str:
        return " ".join(self.tokens)


@lru_cache(maxsize=200_000)
def name_of(text: str) -> Name:
    """A name of any script."""
    from anyascii import anyascii

    plain = unicodedata.normalize("NFKC", text).lower()
    for written, sound in _GREEK:
        plain = plain.replace(written, sound)
    latin = anyascii(plain).lower().replace("'", "").replace("`", "")
    parts = [part for part in re.split(r"[^a-z0-9]+", latin) if part]
    kept = [part for part in parts if part not in IGNORED]
    return Name(tuple(kept or parts), bool(_ABJAD.search(text)))


@lru_cache(maxsize=200_000)
def skeleton(token: str) -> str:
    """The consonants as they sound, doubled ones once: what stays the same across transliterations."""
    for written, sound in _SOUNDS:
        token = token.replace(written, sound)
    bones = re.sub(r"[aeiou]", "", token[1:]).replace("h", "")
    head = "" if token[:1] in "aeiou" else token[:1]
    return re.sub(r"(.)\1+", r"\1", head + bones)


def bare_bones(token: str) -> str:
    """The skeleton without the letters that stand for long vowels where short ones are not written."""
    return skeleton(token[:1] + re.sub(r"[wy]", "", token[1:])).translate(_ABSENT)
