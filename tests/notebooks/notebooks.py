"""The notebooks: run in a clean kernel, made comparable, compared; ``make notebooks`` stores what they show now."""

from __future__ import annotations

import base64
import importlib
import io
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

TIMEOUT = 300
"""Seconds that one cell may take."""

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LIVE = "application/vnd.jupyter.widget-view+json"
"""A view of a widget: a random address in a kernel that is gone. Its static twin stands beside it as HTML and text."""

DECIMAL = re.compile(r"\d+\.\d+(?:e[+-]?\d+)?")
PIXELS = 2
"""Pixels by which the sides of a figure may differ: fonts are measured a little differently elsewhere."""

INK = 0.004
"""Mean difference of grey between two figures (black and white differ by 1), seen at a quarter of their size."""


def nbformat() -> Any:
    """The module of that name. It takes seconds to import, and only a worker that reads notebooks needs it."""
    return importlib.import_module("nbformat")


def read(path: Path) -> Any:
    """A notebook as stored."""
    return nbformat().read(path, as_version=4)


def executed(path: Path) -> Any:
    """The notebook with the outputs of a fresh kernel, normalised; nothing of the user's settings plays a part.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell raises what it does not announce with the tag ``raises-exception``.
    """
    # As nbformat, these are not for every worker.
    from nbclient import NotebookClient
    from traitlets.config import Config

    notebook = read(path)
    with tempfile.TemporaryDirectory() as private:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "IPYTHONDIR": private,
            "JUPYTER_CONFIG_DIR": private,
            "JUPYTER_DATA_DIR": private,
            "MATPLOTLIBRC": os.devnull,
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        for name in ("COLUMNS", "LINES", "FORCE_COLOR", "MPLBACKEND", "PYTHONWARNINGS"):
            environment.pop(name, None)
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT,
            kernel_name=KERNEL["name"],
            resources={"metadata": {"path": str(FOLDER)}},
            store_widget_state=False,
            coalesce_streams=True,
            # Sockets in a folder of its own: no port, and the kernel has nothing to warn of.
            config=Config(KernelManager={"transport": "ipc", "connection_file": f"{private}/kernel.json"}),
        )
        client.execute(env=environment)
    return normal(notebook)


def normal(notebook: Any) -> Any:
    """The notebook without what differs from run to run: times, versions of Python, addresses of widgets, cell ids."""
    notebook.metadata = nbformat().from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for place, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{place:02d}"
        cell.source = cell.source.strip("\n")
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat().from_dict({"tags": tags} if tags else {})
        for output in cell.get("outputs", ()):
            if "data" in output:
                output.data.pop(LIVE, None)
                output.metadata = nbformat().from_dict({})
            if output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]  # not the lines of installed files
    return notebook


def write(path: Path, notebook: Any) -> None:
    """Store a notebook; equal notebooks give equal bytes."""
    path.write_text(nbformat().writes(notebook) + "\n", "utf-8")


def differences(stored: Any, fresh: Any) -> list[str]:
    """What a run shows otherwise than the file, one sentence each; empty where they agree."""
    found = []
    if len(stored.cells) != len(fresh.cells):
        return [f"{len(stored.cells)} cells stored, {len(fresh.cells)} run"]
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        before, after = old.get("outputs", []), new.get("outputs", [])
        if [kinds(output) for output in before] != [kinds(output) for output in after]:
            found.append(f"{old.id}: {[kinds(o) for o in before]} stored, {[kinds(o) for o in after]} shown")
            continue
        for one, other in zip(before, after, strict=True):
            for kind, text in contents(one).items():
                fault = unlike(kind, text, contents(other)[kind])
                if fault:
                    found.append(f"{old.id}, {kind}: {fault}")
    return found


def contents(output: Any) -> dict[str, str]:
    """Kind -> content of an output."""
    if output.output_type == "stream":
        return {output.name: output.text}
    if output.output_type == "error":
        return {"error": f"{output.ename}: {output.evalue}"}
    return dict(output.data)


def kinds(output: Any) -> tuple[str, ...]:
    """What an output consists of."""
    return tuple(sorted(contents(output)))


def unlike(kind: str, stored: str, fresh: str) -> str:
    """How a fresh content differs from the stored one; empty where it does not."""
    if kind.startswith("image/"):
        return unlike_figures(stored, fresh)
    words, others = (" ".join(DECIMAL.sub("#", text).split()) for text in (stored, fresh))
    if words != others:
        place = next((i for i, (a, b) in enumerate(zip(words, others, strict=False)) if a != b), -1)
        start = max(0, place - 30)
        return f"stored …{words[start : place + 60]!r}, shown …{others[start : place + 60]!r}"
    for one, other in zip(DECIMAL.findall(stored), DECIMAL.findall(fresh), strict=True):
        if abs(float(one) - float(other)) > last_digit(one) * 1.001:
            return f"stored {one}, shown {other}"
    return ""


def last_digit(number: str) -> float:
    """The unit of the last digit that is shown: processors may round it otherwise."""
    mantissa, _, exponent = number.partition("e")
    return float(10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2])))


def unlike_figures(stored: str, fresh: str) -> str:
    """How two PNG figures differ to the eye."""
    one, other = (Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA") for text in (stored, fresh))
    if any(abs(a - b) > PIXELS for a, b in zip(one.size, other.size, strict=True)):
        return f"a figure of {one.size} pixels stored, of {other.size} shown"
    small = (max(1, one.width // 4), max(1, one.height // 4))
    grey = []
    for image in (one, other):
        ground = Image.new("RGBA", image.size, "white")
        ground.alpha_composite(image)
        grey.append(np.asarray(ground.convert("L").resize(small, Image.Resampling.BOX), dtype=float) / 255)
    ink = float(np.abs(grey[0] - grey[1]).mean())
    return f"the figures differ by {ink:.4f}, more than {INK}" if ink > INK else ""


def main(names: list[str]) -> None:
    """Run the notebooks that are named, or all, and store what they show."""
    chosen = [path for path in NOTEBOOKS if not names or path.stem in names or path.name in names]
    with ThreadPoolExecutor(2) as pool:
        for path, notebook in zip(chosen, pool.map(executed, chosen), strict=True):
            changed = differences(read(path), notebook)
            write(path, notebook)
            print(f"{path.name}: {f'{len(changed)} outputs changed' if changed else 'as stored'}")


if __name__ == "__main__":
    main(sys.argv[1:])
