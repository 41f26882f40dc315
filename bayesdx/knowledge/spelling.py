"""Words folded to one spelling: case, accents, British and American forms, plurals."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_APOSTROPHES = re.compile("['\u2018\u2019\u02bc`]")
_SEPARATORS = re.compile(r"[^\w.]+|_+|(?<!\d)\.|\.(?!\d)")

SHORTEST_FOLDED = 4
"""Words with fewer letters stay as they are: most of them are abbreviations, such as CES, NCS, CRP."""

STEM = 4
"""Letters by which two words are one where a value names its variable: weak, weakness."""

_ENDINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"ies$", "y"),
        (r"(ss|x|ch|sh)es$", r"\1"),  # abscesses, reflexes
        (r"([ao])ses$", r"\1sis"),  # metastases, diagnoses
        (r"mata$", "ma"),  # haematomata
        (r"ae$", "a"),  # bursae
        (r"(?<![sui])s$", ""),
    )
)
_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[ao]e", "e"),  # haematoma, oedema
        (r"(?<=\w[^aeiouy])our(?!s?$)|(?<=[^aeiouy])our$", "or"),  # tumour, colour
        (r"(?<=[^aeiouy])re$", "er"),  # fibre, centre
        (r"is(e|ed|er|ing|ation)$", r"iz\1"),  # immobilise
        (r"ys(e|ed|er|ing)$", r"yz\1"),  # paralyse
        (r"^leuco", "leuko"),
        (r"^disk", "disc"),
        (r"sulph", "sulf"),
        (r"ogue$", "og"),
        (r"ll(ed|ing|er)$", r"l\1"),
    )
)


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """A text in one spelling: words in lower case without accents, a blank between them, plurals as singulars.

    Two texts with the same folded form are read as the same words. The result is for comparing, not for showing.

    Examples
    --------
    >>> fold("Retroperitoneal haematomas") == fold("retroperitoneal_hematoma")
    True
    >>> fold("Anaesthesia, peri-anal"), fold("Tumours"), fold("CES"), fold("CAFÉ")
    ('anesthesia peri anal', 'tumor', 'ces', 'cafe')
    """
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold()
    parts = _SEPARATORS.sub(" ", _APOSTROPHES.sub("", plain)).split()
    return " ".join(map(_fold_word, parts))


def compact(text: str) -> str:
    """The folded form without blanks, so that X-ray, x ray and xray are one.

    Examples
    --------
    >>> compact("Hip X-ray") == compact("hip xray")
    True
    """
    return fold(text).replace(" ", "")


def named(label: str, value: str) -> str:
    """A finding in a few words: the value alone where that names the variable too.

    Examples
    --------
    >>> named("Onset", "sudden"), named("Onset", "sudden onset")
    ('Onset: sudden', 'sudden onset')
    >>> named("Weakness of both legs", "Both legs weak"), named("Pain at night", "No pain")
    ('Both legs weak', 'Pain at night: No pain')
    """
    return value if compact(label) in compact(value) or _names(value, label) else f"{label}: {value}"


def _names(value: str, label: str) -> bool:
    """Whether a value of several words has most words of a label, by how they begin."""
    said = [word[:STEM] for word in re.findall(r"\w+", value.casefold())]
    wanted = [word[:STEM] for word in re.findall(r"\w{3,}", label.casefold())]
    return len(said) > 1 and 2 * sum(word in said for word in wanted) > len(wanted)


def _fold_word(word: str) -> str:
    if len(word) < SHORTEST_FOLDED or not word.isalpha():
        return word
    for pattern, replacement in _ENDINGS:
        found, count = pattern.subn(replacement, word)
        if count:
            word = found
            break
    for pattern, replacement in _SPELLINGS:
        word = pattern.sub(replacement, word)
    return word


def state_key(text: str) -> str:
    """The folded form of a state, in which a band in signs is the band in words.

    Examples
    --------
    >>> state_key(">= 60"), state_key("from_60"), state_key("<60"), state_key("60")
    ('from60', 'from60', 'below60', '60')
    """
    return compact(in_words(text.strip()))


def latin(text: str) -> str:
    """Letters without their accents, as in "Übelkeit".

    Examples
    --------
    >>> latin("Übelkeit, Fuß")
    'Ubelkeit, Fuss'
    """
    parts = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(part for part in parts if not unicodedata.combining(part))


def identifier(text: str) -> str:
    """A name for a variable that a text calls: ASCII letters, digits and underscores, a letter first.

    Examples
    --------
    >>> identifier("Übelkeit (früh)"), identifier("3rd nerve")
    ('Ubelkeit__fruh_', 'x_3rd_nerve')
    """
    kept = re.sub(r"[^A-Za-z0-9_]", "_", latin(text))[:100]
    return kept if re.match(r"[A-Za-z]", kept) else f"x_{kept}"[:100]


_SIGNS = ((">=", "from_"), ("<=", "up_to_"), ("≥", "from_"), ("≤", "up_to_"), ("<", "below_"), (">", "above_"))


def in_words(state: str) -> str:
    """A band such as ``>=60`` without signs that a state's name cannot have.

    Examples
    --------
    >>> in_words(">=60"), in_words("mild")
    ('from_60', 'mild')
    """
    for sign, word in _SIGNS:
        if state.startswith(sign):
            return word + state.removeprefix(sign).strip()
    return state
