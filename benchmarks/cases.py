"""The questions of the benchmark, each put to bayesdx and to its peers in the same form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.inference import Engine, Evidence, kernels
from bayesdx.network import Network, Node, NoisyMax, Table, read_bif
from benchmarks.peers import PYAGRUM_ENGINES, Pgmpy, PyAgrum
from benchmarks.synthetic import BINARY, many_diseases, many_findings_case, one_cause, sampled_codes
from benchmarks.timing import Answers, Contender

Codes = NDArray[np.int32]

KERNELS = ("numpy", "numba")
COMPARED = 20
"""Cases whose marginals are compared between contenders."""


@dataclass(frozen=True)
class Question:
    """A row of the table.

    Parameters
    ----------
    name : str
    contenders : dict of str to Contender
        "numpy", "numba" and the peers.
    peers : tuple of str
        The contenders whose better one is the bar.
    wanted : dict of kernel to float
        The ratio to reach.
    limit_ms : dict of kernel to float
        The time to stay under, where there is one.
    note : str
    """

    name: str
    contenders: dict[str, Contender]
    peers: tuple[str, ...]
    wanted: dict[str, float]
    limit_ms: dict[str, float]
    note: str = ""
    rounds: int | None = None


def read_network(folder: Path, name: str) -> Network:
    """One public network; rows are renormalised on reading."""
    return read_bif(folder / f"{name}.bif.gz")


def with_missing(network: Network, n_cases: int, missing: float, hidden: Sequence[str] = (), seed: int = 1) -> Codes:
    """Cases drawn from the network with cells missing at random, and some variables always."""
    codes = sampled_codes(network, n_cases, seed)
    codes[np.random.default_rng(seed).random(codes.shape) < missing] = -1
    codes[:, [network.index[name] for name in hidden]] = -1
    return codes


def batch(engine: Engine, codes: Codes, targets: Sequence[str]) -> Contender:
    """bayesdx on many cases at once; the timing includes making the evidence."""

    def ask() -> Answers:
        found = engine.propagate(Evidence(codes), targets=targets)
        return [found.marginals[name][:COMPARED] for name in targets]

    return Contender(ask, len(codes))


def one_by_one(peer: PyAgrum | Pgmpy, codes: Codes) -> Contender:
    """A peer on the same cases, one after another."""

    def ask() -> Answers:
        rows = [peer.posteriors(row) for row in codes]
        return [np.stack([row[place] for row in rows]) for place in range(len(rows[0]))]

    return Contender(ask, len(codes), foreign=True)


def agrums(network: Network, codes: Codes, targets: Sequence[str]) -> dict[str, Contender]:
    """Both engines of pyAgrum."""
    return {name: one_by_one(PyAgrum(network, name, targets), codes) for name in PYAGRUM_ENGINES}


def cohort(
    name: str, network: Network, n_cases: int, n_peer: int, wanted: dict[str, float], missing: float = 0.7
) -> Question:
    """All marginals of a cohort with missing cells."""
    targets = network.targets or network.names
    codes = with_missing(network, n_cases, missing, network.targets)
    own = {kernel: batch(Engine(network, kernel=kernel, workers=1), codes, targets) for kernel in KERNELS}
    contenders = {**own, **agrums(network, codes[:n_peer], targets)}
    note = f"{n_cases} cases, {n_peer} for pyAgrum; {missing:.0%} of cells missing"
    return Question(f"{name} cohort", contenders, PYAGRUM_ENGINES, wanted, {}, note)


def cohort_against_pgmpy(name: str, network: Network, n_cases: int, n_peer: int, wanted: dict[str, float]) -> Question:
    """The same against pgmpy's variable elimination."""
    codes = with_missing(network, n_cases, 0.4, network.targets)
    own = {kernel: batch(Engine(network, kernel=kernel, workers=1), codes, network.targets) for kernel in KERNELS}
    contenders = {**own, "pgmpy": one_by_one(Pgmpy(network, network.targets), codes[:n_peer])}
    note = f"{n_cases} cases, {n_peer} for pgmpy (joint=False)"
    return Question(f"{name} cohort, against pgmpy", contenders, ("pgmpy",), wanted, {}, note)


def one_posterior(name: str, network: Network, wanted: dict[str, float], repeats: int = 100) -> Question:
    """One case at a time through the engine."""
    codes = with_missing(network, repeats, 0.4, network.targets)

    def each(engine: Engine) -> Contender:
        def ask() -> Answers:
            found = [engine.propagate(Evidence(codes[row : row + 1])).marginals for row in range(repeats)]
            return [np.concatenate([one[target] for one in found])[:COMPARED] for target in network.targets]

        return Contender(ask, repeats)

    own = {kernel: each(Engine(network, kernel=kernel, workers=1)) for kernel in KERNELS}
    contenders = {**own, **agrums(network, codes[:30], network.targets)}
    return Question(f"{name}, one posterior through the engine", contenders, PYAGRUM_ENGINES, wanted, {})


@dataclass(frozen=True)
class _Patient:
    """What is known of one, the same with each hypothetical result of each open finding, and the open findings."""

    codes: Codes
    results: Codes
    open: list[str]


def _patient(network: Network, seed: int) -> _Patient:
    codes = with_missing(network, 1, 0.0, network.targets, seed)
    findings = [v for v in range(len(network)) if codes[0, v] >= 0 and not _is_above(network, v)]
    codes[0, findings[::3] + findings[1::3]] = -1
    unknown = [v for v in findings if codes[0, v] < 0]
    results = [(v, state) for v in unknown for state in range(network.cardinalities[v])]
    rows = np.repeat(codes, len(results), axis=0)
    for row, (v, state) in enumerate(results):
        rows[row, v] = state
    return _Patient(codes, rows, [network.names[v] for v in unknown])


def value_of_tests(name: str, network: Network, wanted: dict[str, float], many: int = 20, few: int = 2) -> Question:
    """Posterior of the causes, then of every hypothetical result of every finding not yet known, patient by patient."""
    patients = [_patient(network, seed) for seed in range(many)]
    targets, names = network.targets, patients[0].open

    def each(engine: Engine) -> Contender:
        def one(patient: _Patient) -> Answers:
            now = engine.propagate(Evidence(patient.codes), targets=(*targets, *names)).marginals
            then = engine.propagate(Evidence(patient.results)).marginals
            together = [np.concatenate([now[target], then[target]]) for target in targets]
            return [*together, *(now[finding] for finding in names)]

        def ask() -> Answers:
            found = [one(patient) for patient in patients]
            return found[0]

        return Contender(ask, many)

    def peer(engine: str) -> Contender:
        first, second = PyAgrum(network, engine, (*targets, *names)), PyAgrum(network, engine, targets)

        def one(patient: _Patient) -> Answers:
            now = first.posteriors(patient.codes[0])
            then = [second.posteriors(row) for row in patient.results]
            count = len(targets)
            together = [np.stack([now[place], *(row[place] for row in then)]) for place in range(count)]
            return [*together, *(values[None] for values in now[count:])]

        def ask() -> Answers:
            found = [one(patient) for patient in patients[:few]]
            return found[0]

        return Contender(ask, few, foreign=True)

    contenders = {kernel: each(Engine(network, kernel=kernel, workers=1)) for kernel in KERNELS}
    contenders |= {engine: peer(engine) for engine in PYAGRUM_ENGINES}
    return Question(
        f"{name}, posterior and value of all unperformed tests",
        contenders,
        PYAGRUM_ENGINES,
        wanted,
        dict.fromkeys(KERNELS, 5.0),
        f"{many} patients, {few} for pyAgrum; {len(names)} tests, {len(patients[0].results)} hypothetical results",
    )


def _is_above(network: Network, v: int) -> bool:
    children = {parent for target in network.targets for parent in network[target].parents}
    return network.names[v] in children or not network.nodes[v].parents


def through_diagnose(name: str, model: object, network: Network, wanted: dict[str, float]) -> Question:
    """One posterior through the public function, with and without numba at hand, against pyAgrum's bare engine."""
    import bayesdx as dx

    codes = with_missing(network, 100, 0.4, network.targets)
    cases = [_findings(network, row) for row in codes]

    def ask() -> Answers:
        found = [dx.diagnose(model, findings).posterior for findings in cases]
        present = np.array([[one[target] for target in network.targets] for one in found])
        return [np.stack([1 - column, column], axis=1)[:COMPARED] for column in present.T]

    def ask_without_numba() -> Answers:
        with mock.patch.object(kernels, "numba_installed", lambda: False):
            return ask()

    contenders = {"numpy": Contender(ask_without_numba, len(cases)), "numba": Contender(ask, len(cases))}
    contenders |= agrums(network, codes[:30], network.targets)
    return Question(f"{name}, one posterior through diagnose", contenders, PYAGRUM_ENGINES, wanted, {})


def _findings(network: Network, row: Codes) -> dict[str, str]:
    return {network.names[v]: network.nodes[v].states[row[v]] for v in np.flatnonzero(row >= 0)}


def large(name: str, network: Network, *, warm: bool, observed: float = 0.2) -> Question:
    """All marginals of one case of a large network, with the plan at hand or for the first time."""
    codes = with_missing(network, 1, 1 - observed)
    targets = network.names
    engines = {kernel: Engine(network, kernel=kernel, workers=1, memory_limit=12 * 2**30) for kernel in KERNELS}

    def each(kernel: str) -> Contender:
        def forget() -> None:
            if not warm:
                engines[kernel] = Engine(network, kernel=kernel, workers=1, memory_limit=12 * 2**30)

        def ask() -> Answers:
            found = engines[kernel].propagate(Evidence(codes), targets=targets).marginals
            return [found[target] for target in targets]

        return Contender(ask, 1, forget)

    def peer(engine: str) -> Contender:
        held = [PyAgrum(network, engine, targets)]

        def forget() -> None:
            held[0] = PyAgrum(network, engine, targets)

        def ask() -> Answers:
            return [values[None] for values in held[0].posteriors(codes[0])]

        return Contender(ask, 1, (lambda: None) if warm else forget, foreign=True)

    contenders = {kernel: each(kernel) for kernel in KERNELS} | {engine: peer(engine) for engine in PYAGRUM_ENGINES}
    wanted = {"numpy": 1.0, "numba": 1.0} if warm else {"numpy": 1 / 3, "numba": 1 / 2}
    kind = "warm plan" if warm else "first query"
    note = f"{observed:.0%} observed; building the engine object is not part of a first query, on either side"
    return Question(f"{name}, one query, {kind}", contenders, PYAGRUM_ENGINES, wanted, {}, note)


def wide_gate(n_causes: int = 24) -> Question:
    """One positive finding with many causes."""
    rng = np.random.default_rng(0)
    causes = [Node(f"c{i}", BINARY, (), Table([1 - p, p])) for i, p in enumerate(rng.uniform(0.01, 0.2, n_causes))]
    links = tuple(np.array([[1.0, 0.0], [1 - link, link]]) for link in rng.uniform(0.1, 0.9, n_causes))
    finding = Node("finding", BINARY, tuple(cause.name for cause in causes), NoisyMax([0.98, 0.02], links))
    network = Network((*causes, finding), targets=tuple(cause.name for cause in causes))
    codes = np.full((1, n_causes + 1), -1, dtype=np.int32)
    codes[0, -1] = 1

    def each(engine: Engine) -> Contender:
        def ask() -> Answers:
            found = engine.propagate(Evidence(codes)).marginals
            return [found[target] for target in network.targets]

        return Contender(ask, 1)

    contenders = {kernel: each(Engine(network, kernel=kernel, workers=1)) for kernel in KERNELS}
    contenders["LazyPropagation"] = one_by_one(PyAgrum(network, "LazyPropagation", network.targets), codes)
    note = "pyAgrum's table has 2^25 cells; only LazyPropagation is run"
    wanted = {"numpy": 1000.0, "numba": 1000.0}
    peers = ("LazyPropagation",)
    return Question(f"one finding with {n_causes} causes, one query", contenders, peers, wanted, {}, note, rounds=1)


def qmr() -> Question:
    """500 diseases, 4,000 findings: all posteriors, exact; no peer can answer."""
    network = many_diseases()
    codes = many_findings_case(network, negative=300, positive=12)
    own = {kernel: batch(Engine(network, kernel=kernel, workers=1), codes, network.targets) for kernel in KERNELS}
    name = "500 diseases, 4,000 findings, 300 negative, 12 positive"
    return Question(name, own, (), {}, {"numpy": 50.0, "numba": 20.0}, "no peer holds the network")


def frame(name: str, network: Network, rows: int, n_peer: int, wanted: dict[str, float]) -> Question:
    """A frame of state names with two fifths of its cells observed, to frames of all marginals.

    pyAgrum takes a row as a dict of state numbers; the look-up of names is left out of its time.
    """
    codes = with_missing(network, rows, 0.6)
    asked = state_names(network, codes)

    def each(engine: Engine) -> Contender:
        def ask() -> Answers:
            found = engine.marginals(asked, targets=network.names, on_impossible="flag")
            return [found[target].to_numpy()[:COMPARED] for target in network.names]

        return Contender(ask, rows)

    own = {kernel: each(Engine(network, kernel=kernel, workers=1)) for kernel in KERNELS}
    contenders = {**own, **agrums(network, codes[:n_peer], network.names)}
    note = f"{rows} rows, {n_peer} for pyAgrum"
    return Question(f"{name}, a frame of {rows:,} rows to all marginals", contenders, PYAGRUM_ENGINES, wanted, {}, note)


def state_names(network: Network, codes: Codes) -> pd.DataFrame:
    """The same cases with their states in words, None where nothing was observed."""
    states = [np.array([*node.states, None], dtype=object) for node in network.nodes]
    return pd.DataFrame({name: states[v][codes[:, v]] for v, name in enumerate(network.names)})


def wide_row(wide: int = 3000, observed: int = 10) -> Question:
    """One row of many columns, few of them observed, beside the row of these columns alone."""
    network = one_cause(20, wide)
    codes = np.full((1, len(network)), -1, dtype=np.int32)
    seen = 1 + np.linspace(0, wide - 1, observed).astype(int)
    codes[0, seen] = 1
    frames = {"wide": state_names(network, codes)}
    frames["narrow"] = frames["wide"][[network.names[v] for v in seen]]

    def each(engine: Engine, asked: pd.DataFrame) -> Contender:
        def ask() -> Answers:
            for _ in range(20):
                found = engine.marginals(asked)["cause"]
            return [found.to_numpy()]

        return Contender(ask, 20)

    contenders = {kernel: each(Engine(network, kernel=kernel, workers=1), frames["wide"]) for kernel in KERNELS}
    contenders["the narrow row"] = each(Engine(network, kernel="numpy", workers=1), frames["narrow"])
    note = f"{wide} findings, {observed} observed; at most twice the time of the narrow row is wanted"
    wanted = {"numpy": 0.5, "numba": 0.5}
    return Question(f"one row of {wide:,} columns", contenders, ("the narrow row",), wanted, {}, note)


def many_states(states: int = 8000, findings: int = 1000, rows: int = 1) -> Question:
    """One cause of thousands of states: a row of ten findings, or a batch beside a sum of log likelihoods in numpy."""
    network = one_cause(states, findings)
    codes = np.full((rows, len(network)), -1, dtype=np.int32)
    rng = np.random.default_rng(1)
    for row in codes:
        row[1 + rng.permutation(findings)[:10]] = rng.integers(0, 2, 10)
    name = f"one cause of {states:,} states, {findings:,} findings"
    own = {kernel: batch(Engine(network, kernel=kernel, workers=1), codes, ("cause",)) for kernel in KERNELS}
    if rows == 1:
        limits = {"numpy": 30.0, "numba": 30.0}
        return Question(f"{name}, one row of 10", own, (), {}, limits, "no peer was tried")
    prior = np.log(network.nodes[0].cpd.values)  # type: ignore[union-attr]
    tables = np.log(np.stack([node.cpd.values for node in network.nodes[1:]]))  # type: ignore[union-attr]
    by_state = np.ascontiguousarray(np.moveaxis(tables, 2, 1))  # (findings, 2, states)

    def ask() -> Answers:
        found = np.empty((rows, states))
        for place, row in enumerate(codes):
            seen = np.flatnonzero(row[1:] >= 0)
            total = prior + by_state[seen, row[1 + seen]].sum(axis=0)
            weights = np.exp(total - total.max())
            found[place] = weights / weights.sum()
        return [found[:COMPARED]]

    contenders = {**own, "numpy sum": Contender(ask, rows)}
    wanted = {"numpy": 1 / 3, "numba": 1 / 3}
    return Question(f"{name}, {rows} rows of 10", contenders, ("numpy sum",), wanted, {})


COHORTS: dict[str, tuple[int, int, dict[str, float]]] = {
    "alarm": (20_000, 60, {"numpy": 120, "numba": 250}),
    "hepar2": (10_000, 30, {"numpy": 120, "numba": 250}),
    "win95pts": (10_000, 30, {"numpy": 120, "numba": 250}),
    "asia": (50_000, 200, {"numpy": 250, "numba": 800}),
    "pathfinder": (256, 12, {"numpy": 4, "numba": 15}),
    "andes": (96, 6, {"numpy": 4, "numba": 8}),
}
"""Cases for bayesdx, cases for pyAgrum, and the ratios to reach."""

FRAMES = ("alarm", "hepar2")

LARGE = ("link", "munin1", "diabetes", "pigs")

MODEL = "hip_flexion_weakness"


def questions(folder: Path | None) -> Iterator[tuple[str, Callable[[], Question]]]:
    """Every row of the table, with a word to choose it by, each built when its turn comes."""
    import bayesdx as dx
    from bayesdx.network import as_network

    versions = dict.fromkeys([f"{MODEL}@1.0.0", MODEL])
    models = {f"{MODEL} {model.version}": model for model in map(dx.load_model, versions)}
    for name, model in models.items():
        network = as_network(model)
        third = 1.0 if name.endswith(" 1.0.0") else 1 / 3
        ratios = _times(1, 120, 800 if third == 1 else 500)
        yield "flagship cohort", partial(cohort, name, network, 100_000, 40, ratios, 0.4)
        yield "flagship pgmpy", partial(cohort_against_pgmpy, name, network, 100_000, 20, _times(third, 150, 1500))
        yield "flagship diagnose", partial(through_diagnose, name, model, network, _times(third, 10, 15))
        yield "flagship one", partial(one_posterior, name, network, _times(third, 25, 60))
        yield "flagship tests", partial(value_of_tests, name, network, _times(third, 200, 300))
    yield "qmr", qmr
    yield "gate", wide_gate
    yield "wide row", wide_row
    yield "many states, one row", many_states
    yield "many states, batch", partial(many_states, rows=200)
    if folder is None:
        return
    for name, (many, few, wanted) in COHORTS.items():
        yield f"{name} cohort", partial(_public_cohort, folder, name, many, few, wanted)
    for name in FRAMES:
        for rows, few, ratio in ((200, 60, 100.0), (20_000, 60, 300.0)):
            yield f"{name} frame", partial(_public_frame, folder, name, rows, few, ratio)
    for name in LARGE:
        for warm in (True, False):
            yield f"{name} {'warm' if warm else 'first'}", partial(_public_large, folder, name, warm)


def _times(share: float, numpy: float, numba: float) -> dict[str, float]:
    return {"numpy": numpy * share, "numba": numba * share}


def _public_cohort(folder: Path, name: str, many: int, few: int, wanted: dict[str, float]) -> Question:
    return cohort(name, read_network(folder, name), many, few, wanted)


def _public_frame(folder: Path, name: str, rows: int, few: int, ratio: float) -> Question:
    return frame(name, read_network(folder, name), rows, few, dict.fromkeys(KERNELS, ratio))


def _public_large(folder: Path, name: str, warm: bool) -> Question:
    return large(name, read_network(folder, name), warm=warm)
