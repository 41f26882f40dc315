"""Names and texts as people read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable


def clean(text: object) -> str:
    r"""Text on one line: control and formatting characters (such as right-to-left marks) become spaces.

    Examples
    --------
    >>> clean("a\nb\u202ec")
    'a b c'
    """
    return "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") else sign for sign in str(text))


def words(name: object) -> str:
    r"""A name of a state, a group or a flag as people read it.

    Examples
    --------
    >>> words("60_and_over"), words("a\u202eb")
    ('60 and over', 'a b')
    """
    return clean(name).replace("_", " ").strip()


def as_title(name: str) -> str:
    """A name in words that begin with a capital letter; other capitals stay as they are.

    Examples
    --------
    >>> as_title("abscess_on_CT")
    'Abscess on CT'
    """
    text = words(name)
    return text[:1].upper() + text[1:]


def within(text: str, names: Collection[str] = ()) -> str:
    """A label as it stands inside a sentence: its first letter small, but for an abbreviation or a name.

    Parameters
    ----------
    text : str
    names : collection of str
        Words that keep their capital.

    Examples
    --------
    >>> texts = ("Low back pain", "MRI: stenosis", "Homans' sign", "Thomas test positive")
    >>> [within(text, {"Thomas"}) for text in texts]
    ['low back pain', 'MRI: stenosis', "Homans' sign", 'Thomas test positive']
    """
    first = text.partition(" ")[0]
    if (
        first in names
        or "'" in first
        or not first[1:].replace("-", "").replace(":", "").replace(",", "").islower()
        or "-" in first[:2]
    ):
        return text
    return text[:1].lower() + text[1:]


def joined(texts: Iterable[str]) -> str:
    """A list as a sentence has it, with semicolons where a part has a comma of its own.

    Examples
    --------
    >>> joined(["fever", "pain", "a stiff hip"]), joined(["fever"]), joined(["fever, 38 °C or more", "pain"])
    ('fever, pain and a stiff hip', 'fever', 'fever, 38 °C or more; pain')
    """
    *most, last = texts
    if any("," in text for text in (*most, last)):
        return "; ".join((*most, last))
    return f"{', '.join(most)} and {last}" if most else last
