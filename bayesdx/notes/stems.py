"""Words cut to what their forms share."""

from __future__ import annotations

from functools import lru_cache

from bayesdx.knowledge.spelling import fold

LONGEST_WORD = 40
"""Letters above which a word is none that a note could share with a model."""

_SUFFIXES = (("ness", 4), ("ful", 4), ("ly", 4), ("ing", 3), ("ence", 4), ("ent", 5), ("ion", 4), ("or", 4), ("ed", 3))


@lru_cache(maxsize=1 << 14)
def stem_of(word: str) -> str:
    """What the forms of a word share: numbness and numb, flexors and flexion, wasted and wasting.

    Examples
    --------
    >>> stem_of("Numbness"), stem_of("flexors") == stem_of("flexion"), stem_of("snapping"), stem_of("severely")
    ('numb', True, 'snap', 'sever')
    """
    if len(word) > LONGEST_WORD:
        return ""
    stem = "".join(fold(word).split())
    if not stem.isalpha() or len(stem) < 4:
        return stem
    for _ in range(2):
        for suffix, least in _SUFFIXES:
            if stem.endswith(suffix) and len(stem) - len(suffix) >= least:
                stem = stem.removesuffix(suffix)
                if suffix in ("ing", "ed") and len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] in "bdgmnprt":
                    stem = stem[:-1]
                break
        else:
            break
    return stem[:-1] if stem.endswith("e") and len(stem) > 3 else stem
