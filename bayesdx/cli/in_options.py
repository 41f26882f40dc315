"""Messages of the library in the words of the command line: arguments become options, functions commands.

The library names what a Python caller names: ``on_error='flag'``, ``exclusive=False``, ``tolerance: 0; expected ...``.
Whoever typed a command has ``--on-error flag``, ``--together`` and ``--tolerance``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

OTHERWISE: Mapping[str, Mapping[str, str]] = {
    "calibrate": {"variables": "--only", "population": "--as-population"},
    "explain": {"by_group": "--groups"},
    "evaluate": {"subgroups": "--subgroup"},
    "fit": {"cause": "--cause", "causes": "--cause", "cuts": "--cut", "findings": "--finding"},
    "import": {"causes": "--cause", "kinds": "--kind", "references": "--reference"},
    "new": {"exclusive": "--together", "exclusive=False": "--together"},
    "questionnaire": {"kinds": "--kind"},
    "synthesise": {"variables": "--variable"},
}
"""By command, arguments of Python whose option has another name."""

COMMANDS = {
    "check_model": "bayesdx check",
    "check_cohort": "bayesdx calibrate --dry-run",
    "score_cohort": "bayesdx score",
}
"""Commands that do what a function does that messages name."""

NO_ARGUMENT = ("finding", "findings", "format", "model")
"""Options whose names stand in messages for other things: places of files, and the model itself."""

_VALUE = r"\['[^']*'\]|'[^']*'|True|False|None|-?[\d.]*\d(?:e[+-]?\d+)?"
# What is part of a path, or follows one of these words, is the user's own name.
_BEFORE = r"(?<![\w'\"\-/\\.])(?<!\bcolumn )(?<!--ignore )(?<!--keep )"
_AFTER = r"(?![\w'\"(/\\]|\.\w)"


def in_options(text: str, command: str, parameters: Mapping[str, str], typed: Collection[str] = ()) -> str:
    """A message in the words of a command.

    Parameters
    ----------
    text : str
        One line or several.
    command : str
    parameters : mapping of str to str
        The parameters of the command and the option of each, as on_error and --on-error.
    typed : collection of str
        The words of the command line; one that is called like an argument, such as a folder, is not translated.

    Returns
    -------
    str

    Examples
    --------
    >>> in_options("row 3: odd, or pass on_error='flag'.", "score", {"on_error": "--on-error"})
    'row 3: odd, or pass --on-error flag.'
    >>> in_options("tolerance: 0; expected a number above 0.", "calibrate", {"tolerance": "--tolerance"})
    '--tolerance: 0; expected a number above 0.'
    >>> in_options("draws: No such file or directory.", "score", {"draws": "--draws"}, ["score", "flu", "draws"])
    'draws: No such file or directory.'
    """
    import bayesdx as dx

    options = {name: option for name, option in parameters.items() if name not in NO_ARGUMENT}
    options |= OTHERWISE.get(command, {})
    options = {name: option for name, option in options.items() if name not in typed}
    functions = "|".join(name for name in dir(dx) if name[0].islower())
    said = "\n".join(_led(line, options, functions) for line in text.split("\n"))
    for pattern in _patterns(options):
        said = re.sub(pattern, lambda found: _given(found[1], found[2], options), said)
    return re.sub(rf"{_BEFORE}({'|'.join(COMMANDS)}){_AFTER}", lambda found: f"'{COMMANDS[found[1]]}'", said)


def _patterns(options: Mapping[str, str]) -> Iterator[str]:
    """How arguments stand in a message: beside their option, with a value, after 'under', by a long name."""
    arguments = [name for name in options if "=" not in name]
    if arguments:
        yield rf"{_BEFORE}(?:{'|'.join(arguments)})=[^()\n]*?\((--[a-z][^()\n]*)\)()"  # told in both ways
        yield rf"{_BEFORE}({'|'.join(arguments)})=({_VALUE})?{_AFTER}"
        yield rf"(?<=\bunder )({'|'.join(arguments)})()\b"
    long = [name for name in arguments if "_" in name]
    if long:
        yield rf"{_BEFORE}({'|'.join(long)})(){_AFTER}"


def _led(line: str, options: Mapping[str, str], functions: str) -> str:
    """A line without the function that it begins with; the argument that then comes first is an option."""
    found = re.match(rf"({functions}): (?=\S)", line)
    rest = line[found.end() :] if found else line
    word = re.split(r"\W", rest, maxsplit=1)[0]
    after = rest[len(word) :]
    is_first = after.startswith(": ") or bool(found and after.startswith(" "))
    return f"{options[word]}{after}" if is_first and word in options else rest


def _given(name: str, value: str | None, options: Mapping[str, str]) -> str:
    """An argument, with its value or without, as an option."""
    if name.startswith("--"):
        return name
    if not value or value == "True":
        return options[name]
    bare = value.strip("[']")
    return options.get(f"{name}={value}", f"{options[name]} {bare}")


def options_of(command: Any) -> dict[str, str]:
    """The parameters of a command that are options, each with its long name."""
    return {
        parameter.name: option for parameter in command.params for option in parameter.opts if option.startswith("--")
    }
