"""What the landing page shows live: the published explorer, and figures drawn by the code beside them."""

from __future__ import annotations

import ast
import io
import re
import tempfile
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from mkdocs.structure.files import File

import bayesdx as dx

FLAGSHIP = "hip_flexion_weakness"
EXPLORER = "explorer.html"

FIGURE = re.compile(r'^```python figure="(?P<words>[^"]*)"\n(?P<code>.*?)^```$', re.DOTALL | re.MULTILINE)
"""A block of code whose last value is a figure; the words describe it to those who cannot see it."""


def drawn(code: str, session: dict[str, Any]) -> str | None:
    """Run code; its last value as SVG where it is a figure, None where it is none."""
    *before, last = ast.parse(code).body
    if not isinstance(last, ast.Expr):
        before.append(last)
    exec(compile(ast.Module(before, []), "gallery", "exec"), session)
    if not isinstance(last, ast.Expr):
        return None
    value = eval(compile(ast.Expression(last.value), "gallery", "eval"), session)
    if isinstance(value, Axes):
        stream = io.StringIO()
        with rc_context({"svg.hashsalt": "bayesdx", "svg.fonttype": "path"}):
            value.figure.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None})
        return stream.getvalue()
    return str(value.svg)


def on_files(files: Any, config: Any) -> Any:
    """Add the published explorer of the flagship."""
    with tempfile.TemporaryDirectory() as folder:
        page = dx.publish(FLAGSHIP, Path(folder) / EXPLORER)
        files.append(File.generated(config, EXPLORER, content=page.read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Put each figure of a page below the code that draws it."""
    session: dict[str, Any] = {}
    count = 0

    def shown(block: re.Match[str]) -> str:
        nonlocal count
        listing = f"```python\n{block['code']}```"
        svg = drawn(block["code"], session)
        if svg is None:
            return listing
        count += 1
        name = f"assets/gallery/{Path(page.file.src_uri).stem}-{count}.svg"
        files.append(File.generated(config, name, content=svg))
        return f"{listing}\n\n![{block['words']}]({name}){{ .figure }}"

    return FIGURE.sub(shown, markdown)
