"""Text to words to hashed pieces, without a vocabulary: no file, no unknown word, the same on every machine.

A word is known by itself and by its runs of three letters (Bojanowski et al. 2017), so that "cough" and "coughing"
share most of what is learned. It knows nothing of language beyond what a letter is.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import numpy.typing as npt

from ..layers.hashing import bucket_of

LONGEST = 16  # letters: a longer word is cut, so that nothing of it is lost
PIECES = LONGEST + 1  # the word, and its runs of three letters with a mark at either end
START = "\x02"  # stands before the first word, so that an empty text has a token too
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\W\u3040-\u9fff\uac00-\ud7af]+|[^\w\s]")


def words(text: str) -> list[str]:
    """Lower-case words, numbers and signs; scripts without spaces are read a character at a time."""
    found = _WORD.findall(unicodedata.normalize("NFKC", text).lower())
    return [word[begin : begin + LONGEST] for word in found for begin in range(0, len(word), LONGEST)]


def hashed(text: str, *, buckets: int, limit: int) -> npt.NDArray[np.int64]:
    """Buckets `[token, piece]` of a text, at most `limit` tokens: the start, then the words; 0 where no piece is."""
    tokens = [START, *words(text)][:limit]
    found = np.zeros((len(tokens), PIECES), np.int64)
    for row, word in enumerate(tokens):
        marked = f"<{word}>"
        runs = [marked[begin : begin + 3] for begin in range(len(marked) - 2)] if len(word) > 1 else []
        found[row, : len(runs) + 1] = [bucket_of(piece, buckets) for piece in (marked, *runs)]
    return found
