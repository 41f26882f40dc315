"""The folder listing tells the story: imports point one way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

import bayesdx

LAYERS = [
    "errors",
    "files",
    "odds",
    "display",
    "knowledge",
    "network",
    "inference",
    "diagnosis",
    "notes",
    "cohort",
    "evaluation",
    "learning",
    "types",
    "explorer",
    "cli",
    "__main__",
]
"""Imports point to the left. A new package is one more word here."""

FRONT_ENDS = ["cli", "explorer"]
COMPANIONS = ["pgmpy", "matplotlib", "dask", "anywidget", "ipywidgets", "openpyxl", "pyarrow"]

PACKAGE = Path(bayesdx.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    """A file as it is parsed, once for all laws about it."""
    return ast.parse(path.read_text("utf-8"))


def imports(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    """(module, name) of every import; the name is None for ``import module``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((node.module or "", alias.name) for alias in node.names)


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Which file imports which; imports within functions and for types alone count as any other.

    Without what the front door imports, ``bayesdx/__init__.py``: it opens every layer, and front ends come in by it.
    """
    graph = grimp.build_graph("bayesdx", cache_dir=None)
    for module in graph.find_modules_directly_imported_by("bayesdx"):
        graph.remove_import(importer="bayesdx", imported=module)
    return graph


def test_imports_point_one_way(graph: grimp.ImportGraph) -> None:
    """A file imports its own layer and those to the left of it; every file belongs to a layer."""
    assert {module.split(".")[1] for module in graph.modules - {"bayesdx"}} == set(LAYERS)
    layers = tuple(f"bayesdx.{layer}" for layer in reversed(LAYERS))
    broken = graph.find_illegal_dependencies_for_layers(layers=layers)
    assert not [f"{found.importer} imports {found.imported}, which lies to the right" for found in broken]


def test_no_two_files_import_each_other(graph: grimp.ImportGraph) -> None:
    """Nor do more of them in a circle: each file can be read after those that it imports."""
    order = TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    try:
        order.prepare()
    except CycleError as circle:
        pytest.fail(" imports ".join(reversed(circle.args[1])))


@pytest.mark.parametrize("path", [path for path in MODULES if layer_of(path) in FRONT_ENDS], ids=name_of)
def test_front_ends_use_public_names_only(path: Path) -> None:
    """A front end knows ``import bayesdx``, the errors, how files are read and values shown; nothing deeper."""
    tree = tree_of(path)
    public = {*bayesdx.__all__, "__version__", "types"}
    for module, name in imports(tree):
        if module == "bayesdx":
            assert name is None or name in public or name in FRONT_ENDS, f"bayesdx.{name} is not public"
        elif module.startswith("bayesdx."):
            assert module.split(".")[1] in (layer_of(path), "errors", "files", "display", "types"), (
                f"{module} is not public"
            )
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "dx"
    }
    assert used <= public


@pytest.mark.parametrize("path", [path for path in MODULES if layer_of(path) not in FRONT_ENDS], ids=name_of)
def test_only_front_ends_import_the_front_door(path: Path) -> None:
    """The library never imports ``bayesdx`` itself, which would turn the layers into a circle."""
    assert "bayesdx" not in {module for module, _ in imports(tree_of(path))}


class RunTime(ast.NodeTransformer):
    """Takes out what stands under ``if TYPE_CHECKING``, which never runs."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """Keep the other branch only."""
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node.orelse
        return self.generic_visit(node)


@cache
def imported_at_run_time(path: Path) -> tuple[set[str], set[str]]:
    """The packages that a file imports when it runs: anywhere, and outside of functions."""
    tree = RunTime().visit(ast.parse(path.read_text("utf-8")))
    top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    anywhere, outside = ({module.split(".")[0] for module, _ in imports(part)} for part in (tree, top))
    return anywhere, outside


@pytest.mark.parametrize("companion", COMPANIONS)
def test_companions_are_imported_in_one_place(companion: str) -> None:
    """A companion is imported by one module at most, and only inside the functions that need it."""
    users = []
    for path in MODULES:
        anywhere, outside = imported_at_run_time(path)
        if companion in anywhere:
            users.append(name_of(path))
            assert companion not in outside, name_of(path)
    assert len(users) <= 1, users


def test_every_public_name_exists_and_says_what_it_is() -> None:
    """``__all__`` is sorted, and each function and class in it has a docstring."""
    for module in (bayesdx, bayesdx.types):
        names = list(module.__all__)
        assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
        for name in names:
            value = getattr(module, name)
            if callable(value):
                assert value.__doc__, name


def test_the_front_door_shows_what_a_person_calls() -> None:
    """Functions, the four values that they work on, errors, the classifier; types of results stand in their module."""
    shown = set(dir(bayesdx)) - {"__version__", "types"}
    assert shown == set(bayesdx.__all__)
    kinds = {name for name in shown if isinstance(getattr(bayesdx, name), type)}
    errors = {name for name in kinds if issubclass(getattr(bayesdx, name), BaseException)}
    assert kinds - errors == {"BayesDxClassifier", "Diagnosis", "Engine", "Model", "Network"}
    assert not shown & set(bayesdx.types.__all__)
    with pytest.raises(
        AttributeError, match=r"^module 'bayesdx' has no attribute 'Question'\. It is bayesdx\.types\.Question\.$"
    ):
        bayesdx.Question  # noqa: B018


def test_no_two_classes_have_one_name() -> None:
    """A name says which class is meant, wherever it is read."""
    homes: dict[str, list[str]] = {}
    for path in MODULES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name_of(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_no_two_files_have_one_name() -> None:
    """A file is known by its name alone."""
    homes: dict[str, list[str]] = {}
    for path in MODULES:
        if path.name != "__init__.py":
            homes.setdefault(path.name, []).append(name_of(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}
