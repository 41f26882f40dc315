"""Every public name says what it takes and returns, and shows itself at work in an example, which the suite runs."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from functools import cached_property

import pytest

import bayesdx

PUBLIC = {name: getattr(module, name) for module in (bayesdx, bayesdx.types) for name in module.__all__}
FUNCTIONS = [name for name, value in PUBLIC.items() if inspect.isfunction(value)]
CLASSES = [name for name, value in PUBLIC.items() if inspect.isclass(value)]


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


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name: str) -> None:
    """Functions and classes carry their own; the module that defines a constant shows how it is used."""
    value = PUBLIC[name]
    if not callable(value):
        value = sys.modules[type(value).__module__]
        assert f"dx.{name}" in (inspect.getdoc(value) or ""), f"{value.__name__} does not use {name}"
    assert has_example(value), f"{name} has no example in its docstring"


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_of_a_public_class_has_an_example(name: str) -> None:
    """So do its methods and properties."""
    without = [member for member, value in members(PUBLIC[name]).items() if not has_example(value)]
    assert without == [], f"{name}: no example in the docstring of {', '.join(without)}"


def left_out(label: str, function: Callable[..., object]) -> list[str]:
    """Parameters that have no entry under Parameters, and a result that has none under Returns."""
    signature, text = inspect.signature(function), inspect.getdoc(function) or ""
    sections = dict(re.findall(r"^(\w+)\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", text, flags=re.MULTILINE | re.DOTALL))
    named = re.findall(r"^\*?(\w[^:\n]*)", sections.get("Parameters", ""), flags=re.MULTILINE)
    said = {name.strip().lstrip("*") for names in named for name in names.split(",")}
    taken = [name for name in signature.parameters if name != "self"]
    wanted = [f"{label}: parameter {name}" for name in taken if name not in said]
    if taken and signature.return_annotation not in (None, "None") and "Returns" not in sections:
        wanted.append(f"{label}: what it returns")
    return wanted


@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES])
def test_every_parameter_and_result_is_described(name: str) -> None:
    """In the sections that NumPy's style has for them; what takes nothing may say in its first line what it returns."""
    value = PUBLIC[name]
    functions = {name: value}
    if inspect.isclass(value):
        functions = {f"{name}.{m}": f for m, f in members(value).items() if inspect.isfunction(f)}
    assert [fault for label, function in functions.items() for fault in left_out(label, function)] == []
