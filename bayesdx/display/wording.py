"""Names and texts as people read them."""

from __future__ import annotations

import unicodedata


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
