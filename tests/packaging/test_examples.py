"""Every public name shows itself at work: an example in its docstring, which the suite runs as a doctest."""

from __future__ import annotations

import inspect
import sys
from functools import cached_property

import pytest

import bayesdx

CLASSES = [name for name in bayesdx.__all__ if inspect.isclass(getattr(bayesdx, name))]


def has_example(value: object) -> bool:
    return ">>> " in (inspect.getdoc(value) or "")


def members(kind: type) -> dict[str, object]:
    """Public methods and properties that a class defines itself; ``blocks`` serves text and HTML, which show it."""
    kinds = (property, cached_property, staticmethod, classmethod)
    return {
        name: value
        for name, value in vars(kind).items()
        if not name.startswith("_") and name != "blocks" and (inspect.isfunction(value) or isinstance(value, kinds))
    }


@pytest.mark.parametrize("name", bayesdx.__all__)
def test_every_public_name_has_an_example(name: str) -> None:
    """Functions and classes carry their own; the module that defines a constant shows how it is used."""
    value = getattr(bayesdx, name)
    if not callable(value):
        value = sys.modules[type(value).__module__]
        assert f"dx.{name}" in (inspect.getdoc(value) or ""), f"{value.__name__} does not use {name}"
    assert has_example(value), f"{name} has no example in its docstring"


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_of_a_public_class_has_an_example(name: str) -> None:
    """So do its methods and properties."""
    without = [member for member, value in members(getattr(bayesdx, name)).items() if not has_example(value)]
    assert without == [], f"{name}: no example in the docstring of {', '.join(without)}"
