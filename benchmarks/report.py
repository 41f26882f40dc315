"""The table: medians, ratios, largest difference, memory; as text, JSON and Markdown."""

from __future__ import annotations

import json
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.cases import KERNELS, Question
from benchmarks.timing import Timing

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks"
"""Where results are kept; README and the documentation show the tables."""

PACKAGES = ("numpy", "numba", "pyAgrum", "pgmpy")


@dataclass(frozen=True)
class Row:
    """One measured question.

    Parameters
    ----------
    name : str
    microseconds : dict of contender to float
        Median per case.
    ratios, wanted : dict of kernel to float
        Times faster than the best peer, and what was to be reached.
    limit_ms : dict of kernel to float
    met : dict of kernel to bool
    difference : float
        Largest absolute difference between any two answers.
    megabytes : dict of contender to float
    note : str
    """

    name: str
    microseconds: dict[str, float]
    ratios: dict[str, float]
    wanted: dict[str, float]
    limit_ms: dict[str, float]
    met: dict[str, bool]
    difference: float
    megabytes: dict[str, float]
    note: str

    def line(self) -> str:
        """The row as one line of text."""
        parts = [f"{kernel} {_duration(self.microseconds[kernel])}{self._verdict(kernel)}" for kernel in KERNELS]
        peers = [f"{n} {_duration(t)}" for n, t in self.microseconds.items() if n not in KERNELS]
        return f"{self.name}: {'; '.join([*parts, *peers])}; difference {self.difference:.1e}"

    def _verdict(self, kernel: str) -> str:
        words = []
        if kernel in self.ratios:
            words.append(f"{_ratio(self.ratios[kernel])} times (wanted {_ratio(self.wanted[kernel])})")
        if kernel in self.limit_ms:
            words.append(f"wanted under {self.limit_ms[kernel]:g} ms")
        return f" ({', '.join([*words, 'met' if self.met[kernel] else 'MISSED'])})"


def row_of(question: Question, timing: Timing) -> Row:
    """Medians and ratios of one question."""
    ratios = {kernel: timing.ratio(kernel, question.peers) for kernel in KERNELS if question.peers}
    met = {
        kernel: (kernel not in question.wanted or ratios[kernel] >= question.wanted[kernel])
        and (kernel not in question.limit_ms or timing.median(kernel) * 1e3 <= question.limit_ms[kernel])
        for kernel in KERNELS
    }
    return Row(
        question.name,
        {name: statistics.median(values) * 1e6 for name, values in timing.seconds.items()},
        ratios,
        dict(question.wanted),
        dict(question.limit_ms),
        met,
        timing.difference,
        timing.megabytes,
        question.note,
    )


def machine() -> dict[str, str]:
    """What it ran on: processor, system, versions."""
    info = Path("/proc/cpuinfo")
    models = re.findall(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else []
    return {
        "processor": models[0] if models else platform.machine(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def measured_on() -> str:
    """The machine in a sentence."""
    here = machine()
    versions = ", ".join(f"{name} {here[name]}" for name in ("python", *PACKAGES))
    return f"Measured on {here['processor']}, one thread each; {versions}."


def as_json(rows: Sequence[Row]) -> str:
    """Every number, with the machine and the versions."""
    return json.dumps({"machine": machine(), "rows": [asdict(row) for row in rows]}, indent=2) + "\n"


def as_markdown(rows: Sequence[Row]) -> str:
    """The table that README and docs show."""
    head = "| case | numpy | numba | best peer | numpy, times faster | numba, times faster | largest difference | MB |"
    lines = [head, "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        peers = {name: value for name, value in row.microseconds.items() if name not in KERNELS}
        best = min(peers, key=peers.__getitem__) if peers else None
        cells = [
            row.name,
            *(_duration(row.microseconds[kernel]) for kernel in KERNELS),
            f"{best} {_duration(peers[best])}" if best else "none",
            *(_cell(row, kernel) for kernel in KERNELS),
            f"{row.difference:.0e}" if peers else "",
            f"{row.megabytes['numpy']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", measured_on()]) + "\n"


def _cell(row: Row, kernel: str) -> str:
    missed = "" if row.met[kernel] else " (missed)"
    if kernel in row.ratios:
        return f"{_ratio(row.ratios[kernel])} of {_ratio(row.wanted[kernel])} wanted{missed}"
    return f"under {row.limit_ms[kernel]:g} ms wanted{missed}"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _duration(microseconds: float) -> str:
    if microseconds < 1e3:
        return f"{microseconds:.3g} us"
    return f"{microseconds / 1e3:.3g} ms" if microseconds < 1e6 else f"{microseconds / 1e6:.3g} s"
