"""What README.md and the pages of docs show, and what the software prints now; ``make readme`` writes it into them.

Here too stands which published case the demo shows: ``demo_case``.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import re
import shlex
import traceback
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
"""The pages of the documentation site that are written by hand, or by a program into docs."""

CONSOLE = re.compile(r"(?P<open>^```console\n)(?P<body>.*?)(?P<close>^```$)", re.DOTALL | re.MULTILINE)

PYTHON = re.compile(r"(?P<open>^```pycon\n)(?P<body>.*?)(?P<close>^```$)", re.DOTALL | re.MULTILINE)

FIGURES = re.compile(
    r"(?P<open>^<!-- figures: (?P<name>\w+) -->\n)(?P<body>.*?)(?P<close>^<!-- end -->$)", re.DOTALL | re.MULTILINE
)
"""A part of a page that is written from what benchmarks stored: the name says which."""

TOOLS = {
    "pgmpy": "pgmpy",
    "LazyPropagation": "LazyPropagation of pyAgrum",
    "ShaferShenoyInference": "ShaferShenoyInference of pyAgrum",
}

BENCHMARKS = ROOT / "docs/benchmarks"


def shown(text: str) -> list[tuple[str, str]]:
    """(command, output) of every ``bayesdx`` command in the console blocks; other commands show no output."""
    pairs = []
    for block in CONSOLE.finditer(text):
        for part in re.split(r"^\$ ", block["body"], flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            if command.startswith("bayesdx "):
                pairs.append((command, output))
    return pairs


def run(command: str) -> str:
    """What a ``bayesdx`` command prints, run at the root of the project."""
    with contextlib.chdir(ROOT):
        return CliRunner().invoke(app, shlex.split(command)[1:]).output


def stored(name: str) -> Any:
    """What a benchmark wrote into docs/benchmarks."""
    return json.loads((BENCHMARKS / f"{name}.json").read_text("utf-8"))


def newest(rows: list[dict[str, Any]], ending: str) -> dict[str, Any]:
    """The row of a benchmark about the newest version of the flagship that was measured."""
    versions = {}
    for row in rows:
        if found := re.fullmatch(rf"hip_flexion_weakness (\d+)\.(\d+)\.(\d+){re.escape(ending)}", row["name"]):
            versions[tuple(map(int, found.groups()))] = row
    return versions[max(versions)]


def duration(microseconds: float) -> str:
    """A time with two figures and its unit."""
    number, unit = (microseconds / 1000, "ms") if microseconds >= 100 else (microseconds, "µs")
    return f"{float(f'{number:.2g}'):g} {unit}"


def fastest(row: dict[str, Any]) -> tuple[str, float]:
    """The fastest other tool of a row of the benchmark, and its time; none where no tool was asked."""
    times = {TOOLS[name]: value for name, value in row["microseconds"].items() if name in TOOLS}
    return min(times.items(), key=lambda item: item[1], default=("", 0.0))


def four_numbers(model: dx.Model, folder: str) -> str:
    """How fast and how right, as a table; ``folder`` is the way from the page to docs."""
    rows = stored("engine")["rows"]
    one, many = newest(rows, ", one posterior through diagnose"), newest(rows, " cohort")
    peer, theirs = fastest(one)
    widest = max(row["difference"] for row in rows if fastest(row)[0])
    cases = dx.check_cases(model).summary.query(
        "use == 'held_out' and findings == 'all findings' and measure == 'top_3'"
    )
    top = cases.iloc[0]
    covered = stored("coverage")
    em = covered["methods"]["em"][0]
    version = one["name"].partition(",")[0]
    card = f"models/{model.name}/MODEL_CARD.md" if folder else "model-card.md"
    lines = [
        (
            f"**{duration(one['microseconds']['numba'])}** for one diagnosis ({version}); {duration(theirs)} with "
            f"{peer}, which gives the posterior alone. All tools agree to {widest:.0e}.",
            f"[speed]({folder}comparison.md)",
        ),
        (
            f"**{round(1e6 / many['microseconds']['numba'], -3):,.0f} patients a second** on one core "
            f"({many['name'].removesuffix(' cohort')})",
            f"[speed]({folder}comparison.md)",
        ),
        (
            f"**{top['value']:.0%}** ({top['lower']:.0%} to {top['upper']:.0%}) of {top['n']} published cases kept out "
            f"of any tuning have the reported cause among the first three ({model.version})",
            f"[model card]({card})",
        ),
        (
            f"**{em['coverage']:.1%}** of the 95 % intervals of calibrated numbers hold the truth, in simulations "
            f"({covered['model'].replace('@', ' ')})",
            f"[coverage]({folder}benchmarks/coverage.md)",
        ),
    ]
    said = "\n".join(f"| {text.replace('%', ' %').replace('  %', ' %')} | {link} |" for text, link in lines)
    return f"| | measured in |\n| --- | --- |\n{said}\n"


def ahead(folder: str) -> str:
    """Where another tool is ahead of bayesdx: every question to the engine, every data set."""
    lines = []
    for row in stored("engine")["rows"]:
        peer, theirs = fastest(row)
        ours = row["microseconds"]["numba"]
        if theirs and theirs < ours:
            said = f"{peer}: {duration(theirs)}, bayesdx {duration(ours)}"
            lines.append(f"| {row['name']} | {said} | [speed]({folder}comparison.md) |")
    by_data: dict[str, list[dict[str, Any]]] = {}
    for row in stored("datasets"):
        by_data.setdefault(row["data"], []).append(row)
    for data, rows in by_data.items():
        fitted = [row for row in rows if row["model"].startswith("bayesdx") and "," not in row["model"]]
        fitted = fitted or [row for row in rows if re.match("bayesdx (naive|tree)", row["model"])]
        best = min(fitted, key=lambda row: row["log loss"])
        for other in sorted((row for row in rows if "bayesdx" not in row["model"]), key=lambda row: row["log loss"]):
            if other["log loss"] < best["log loss"]:
                losses = f"log loss {other['log loss']:.3f}, {best['model']} {best['log loss']:.3f}"
                link = f"[data]({folder}benchmarks/datasets.md)"
                lines.append(f"| patients of {data} | {other['model']}: {losses} | {link} |")
    return "| | ahead of bayesdx | measured in |\n| --- | --- | --- |\n" + "\n".join(lines) + "\n"


def figures(name: str, folder: str) -> str:
    """What stands in a part of a page that is written from measurements."""
    if name == "ahead":
        return ahead(folder)
    return four_numbers(dx.load_model("hip_flexion_weakness"), folder)


def patients(model: dx.Model) -> str:
    """What docs/examples/patients.csv holds: simulated patients with their causes, contexts and history."""
    kinds = ("context", "cause", "history")
    told = [variable.variable for variable in model.variables if variable.kind in kinds]
    cohort = dx.simulate_cohort(model.with_population("emergency_department"), 200, seed=1)
    return cohort[told].to_csv(index=False, lineterminator="\n")


def demo_case(model: dx.Model) -> str:
    """The case that the demo shows, by the rule of CONTRIBUTING.md.

    The first row of cases.csv whose reported cause is the commonest one of the default setting before anything is
    found, and the first line of the differential with all findings of the case and in its own setting.
    """
    commonest = dx.diagnose(model.with_population(model.info.default_population), {}).differential[0].cause
    settings = {name: model.with_population(name) for name in dict.fromkeys(case.population for case in model.cases)}
    for case in model.cases:
        if case.causes and case.causes[0] == commonest.partition("=")[0]:
            findings = {name: list(states) for name, states in case.findings}
            first = dx.diagnose(settings[case.population], findings).differential[0]
            if first.cause == commonest:
                return case.case
    raise LookupError(f"{model.name} {model.version}: no case of {commonest} comes out right")


def failures(text: str, path: Path) -> tuple[int, str]:
    """How many Python statements of a page there are, and what those that print something else should have printed.

    The Python blocks of a page are one session, one after the other.
    """
    code = "\n".join(block["body"] for block in PYTHON.finditer(text))
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    session = doctest.DocTestParser().get_doctest(code, {}, path.name, str(path), 0)
    report: list[str] = []
    with contextlib.chdir(ROOT):
        doctest.DocTestRunner(optionflags=flags).run(session, out=report.append)
    return len(session.examples), "".join(report)


def said(example: doctest.Example, session: dict[str, Any]) -> str:
    """What a statement prints in an interactive session, an error as doctest writes it."""
    out = io.StringIO()
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(out):
        try:
            exec(compile(example.source, str(README), "single"), session)
        except dx.BayesdxError as error:
            last = "".join(traceback.format_exception_only(error))
            return f"Traceback (most recent call last):\n    ...\n{last}"
    return out.getvalue()


def renewed(text: str, folder: str = "") -> str:
    """The text with the present output of every command and every Python statement in it, and its figures.

    ``folder`` is the way from the page to docs.
    """
    session: dict[str, Any] = {}

    def renew_console(block: re.Match[str]) -> str:
        body = block["body"]
        for command, output in shown(block.group()):
            body = body.replace(f"$ {command}\n{output}", f"$ {command}\n{run(command).rstrip()}\n")
        return block["open"] + body + block["close"]

    def renew_python(block: re.Match[str]) -> str:
        lines = []
        for example in doctest.DocTestParser().get_examples(block["body"]):
            first, *more = example.source.splitlines()
            lines += [f">>> {first}", *(f"... {line}" for line in more), *said(example, session).splitlines()]
        return block["open"] + "".join(f"{line}\n" for line in lines) + block["close"]

    def renew_figures(block: re.Match[str]) -> str:
        return block["open"] + figures(block["name"], folder) + block["close"]

    return FIGURES.sub(renew_figures, PYTHON.sub(renew_python, CONSOLE.sub(renew_console, text)))


def demo_file(model: dx.Model) -> dict[str, Any]:
    """What tests/data/demo.json holds: the case of the demo with its findings."""
    chosen = demo_case(model)
    case = next(row for row in model.cases if row.case == chosen)
    found = {name: states[0] if len(states) == 1 else list(states) for name, states in case.findings}
    origin = {"case": case.case, "title": case.title, "address": case.address, "population": case.population}
    return {**origin, "causes": list(case.causes), "findings": found}


if __name__ == "__main__":
    document = json.dumps(demo_file(dx.load_model("hip_flexion_weakness")), indent=1, ensure_ascii=False)
    (ROOT / "tests/data/demo.json").write_text(f"{document}\n", "utf-8")
    (ROOT / "docs/examples/patients.csv").write_text(patients(dx.load_model("hip_flexion_weakness")), "utf-8")
    for path in (README, *PAGES):
        path.write_text(renewed(path.read_text("utf-8"), "docs/" if path == README else ""), "utf-8")
