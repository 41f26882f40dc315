"""``python -m benchmarks ablation``: how much slower the engine is without one of its ways; same numbers every time.

Each way is switched off by ``Sizes``. Ratios above 1.2 say that it earns its place on that model and question.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

import bayesdx as dx
from bayesdx.inference import Engine, Evidence
from bayesdx.inference.sizes import Sizes
from bayesdx.network import Network, as_network, read_bif
from benchmarks.synthetic import many_diseases, one_cause, sampled_codes
from benchmarks.timing import Answers, Contender, interleaved

WITHOUT = {
    "one case in rows": Sizes(row_cells=0),
    "one case and alike, dense": Sizes(alike_cases=0),
    "results turned round": Sizes(hypothetical_rows=0),
    "one case at a time": Sizes(hub_states=10**9),
    "many lanes at a time": Sizes(hub_states=1),
    "leaves outside": Sizes(casewise_cells=-1),
    "structural zeros": Sizes(possible_share=0.0),
    "one tree for all": Sizes(unpruned_cells=-1),
    "joints from parts": Sizes(mixture_saving=math.inf),
}
"""Name of a way, and the sizes that switch it off."""

LEAST_SHOWN = 1.2
COHORT = 1000


def networks(folder: Path) -> dict[str, Callable[[], Network]]:
    """Models that are shipped, public networks, and one made up."""
    shipped = ("hip_flexion_weakness", "hip_flexion_weakness@1.0.0", "chest_clinic")
    found: dict[str, Callable[[], Network]] = {
        name: lambda name=name: as_network(dx.load_model(name))
        for name in shipped  # type: ignore[misc]
    }
    found["one cause of 24 states"] = partial(one_cause, 24, 70)
    found["60 causes"] = partial(many_diseases, 60, 400, 20)
    for name in ("alarm", "hepar2", "pathfinder", "andes"):
        path = folder / f"{name}.bif.gz"
        if path.is_file():
            found[name] = lambda path=path: read_bif(path)  # type: ignore[misc]
    return found


def questions(network: Network) -> dict[str, tuple[Evidence, tuple[str, ...]]]:
    """One case, every result of every other finding of it, and a cohort."""
    targets = network.targets or network.names
    codes = sampled_codes(network, COHORT, seed=1)
    codes[:, [network.index[name] for name in network.targets]] = -1
    codes[np.random.default_rng(1).random(codes.shape) > 0.4] = -1
    asked = {network.index[name] for name in network.targets}
    open_ = [v for v in range(len(network)) if codes[0, v] < 0 and v not in asked] if network.targets else []
    rows = []
    for v in open_:
        for state in range(network.cardinalities[v]):
            rows.append(codes[0].copy())
            rows[-1][v] = state
    found = {"one": (Evidence(codes[:1]), targets), "cohort": (Evidence(codes), targets)}
    if rows:
        found["results"] = (Evidence(np.array(rows)), targets)
    return found


def contender(network: Network, kernel: str, sizes: Sizes, evidence: Evidence, targets: tuple[str, ...]) -> Contender:
    """The engine with these sizes, asked."""
    engine = Engine(network, kernel=kernel, sizes=sizes, workers=1)  # type: ignore[arg-type]
    times = 50 if len(evidence) == 1 else 1

    def ask() -> Answers:
        for _ in range(times):
            found = engine.propagate(evidence, targets=targets)
        return [np.nan_to_num(found.marginals[name][:20]) for name in targets]

    return Contender(ask, times * len(evidence))


def rows_of(name: str, network: Network, kernel: str, rounds: int) -> list[str]:
    """Rows of the table: what is slower by ``LEAST_SHOWN`` without it."""
    lines = []
    for question, (evidence, targets) in questions(network).items():
        sizes: Mapping[str, Sizes] = {"all ways": Sizes(), **WITHOUT}
        asked = {way: contender(network, kernel, size, evidence, targets) for way, size in sizes.items()}
        timing = interleaved(asked, rounds)
        base = timing.median("all ways")
        slower = {way: 1 / timing.ratio(way, ("all ways",)) for way in WITHOUT}
        said = ", ".join(f"{way} {ratio:.1f}" for way, ratio in slower.items() if ratio >= LEAST_SHOWN) or "-"
        lines.append(f"| {name} | {kernel} | {question} | {1e6 * base:.0f} | {said} |")
        print(lines[-1], flush=True)
    return lines


def main(arguments: list[str]) -> int:
    """Run and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks ablation", description=__doc__)
    parser.add_argument("--networks", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "networks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="networks chosen by a word")
    options = parser.parse_args(arguments)
    print("| network | kernel | question | us a case | times slower without |\n| --- | --- | --- | --- | --- |")
    for name, build in networks(options.networks).items():
        if options.only in name:
            network = build()
            for kernel in ("numpy", "numba"):
                rows_of(name, network, kernel, options.rounds)
    return 0
