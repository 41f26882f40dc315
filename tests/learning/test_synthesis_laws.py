"""What a synthesis of studies has to obey, whatever the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats

import bayesdx as dx
from bayesdx.evaluation.heterogeneity import Readings
from bayesdx.evaluation.implied import Questions
from bayesdx.evaluation.published import read
from bayesdx.knowledge.schema import TableEntry
from bayesdx.learning.synthesis.optimum import Objective, State
from bayesdx.learning.synthesis.uncertainty import Uncertainty, left_out, without
from bayesdx.learning.synthesis.unknowns import Unknowns, unknowns_of
from bayesdx.network.beliefs import beta_of
from tests.learning.models import exclusive_model
from tests.learning.studies import (
    NOISY_OR,
    PREVALENCES,
    noisy_or_of_two,
    one_number,
    random_studies,
    study,
    with_studies,
)

SEEDS = (1, 3, 7, 11, 12)


def problem_of(model: dx.Model, rows: list, **options: object) -> Objective:
    """Everything that may be learned, learned."""
    populations = list(dict.fromkeys([model.population, *(row.population or model.population for row in rows)]))
    settings = {"move": ("priors", "leaks", "links", "tables"), "variables": None, "strength": 1.0, **options}
    unknowns = unknowns_of(model, populations, **settings)  # type: ignore[arg-type]
    return Objective(unknowns, Questions(model, rows), Readings([read(row) for row in rows]))


def solved(
    model: dx.Model, rows: list, tau: float = 0.3, tolerance: float = 1e-10
) -> tuple[Objective, State, np.ndarray]:
    """The maximum at one heterogeneity of all rows."""
    problem = problem_of(model, rows)
    spread = np.full(len(rows), tau)
    start = problem.look(problem.unknowns.start, spread)
    state, settled = problem.maximise(start, spread, tolerance, 200)
    assert settled
    return problem, state, spread


@pytest.mark.parametrize("seed", SEEDS)
def test_slopes_are_central_differences(seed: int) -> None:
    """Tables, noisy-OR, noisy-MAX, two populations: the slope of every figure in every unknown."""
    model, rows = with_studies(seed)
    problem = problem_of(model, rows)
    rng = np.random.default_rng(seed)
    eta = problem.unknowns.start + rng.normal(0, 0.3, len(problem.unknowns))
    state = problem.look(eta, np.full(len(rows), 0.3))
    step = 1e-5
    numeric = np.empty_like(state.jacobian)
    for place in range(len(eta)):
        moved = [eta.copy(), eta.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        high, low = (problem.questions.answer(problem.unknowns.networks(at)).z for at in moved)
        numeric[:, place] = (high - low) / (2 * step)
    assert_allclose(state.jacobian, numeric, atol=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_start_is_the_model(seed: int) -> None:
    """Without studies the most probable numbers are those of the model."""
    model, rows = with_studies(seed)
    unknowns = problem_of(model, rows).unknowns
    for name, network in unknowns.networks(unknowns.start).items():
        sheet = unknowns.sheets[name]
        assert_allclose(sheet.layout.values(network), sheet.values, atol=1e-14)
    assert_allclose(unknowns.prior_slope(unknowns.start), 0, atol=1e-9)


def test_one_number_and_one_study_give_the_conjugate_beta() -> None:
    """Beta(a, b) and k of n at tau 0 are Beta(a + k, b + n - k): value, interval, information, patients."""
    model = one_number()
    prior = beta_of(0.3, 0.15, 0.48)
    k, n = 37, 50
    result = dx.synthesise(model, [study("A", "sign", "ill", k=k, n=n)], heterogeneity=0.0)
    (row,) = result.table.to_dict("records")
    a, b = prior.a + k, prior.b + n - k
    assert_allclose(row["after"], a / (a + b), atol=1e-9)
    assert_allclose([row["lower"], row["upper"]], stats.beta(a, b).interval(0.95), atol=1e-9)
    assert_allclose(row["information"], n / (a + b), atol=1e-9)
    assert_allclose(row["patients"], n, atol=1e-6)
    assert_allclose(row["largest_share"], n / (a + b), atol=1e-9)
    table = result.model.frame("tables")
    assert table.loc[table["status"] == "synthesis", "source"].tolist() == ["A"]


def test_no_study_leaves_the_model_unchanged() -> None:
    """Bit for bit, and so does one that cannot be used."""
    model = one_number()
    assert dx.synthesise(model).model is model
    biased = study("A", "sign", "ill", k=40, n=50, reference="includes_finding")
    result = dx.synthesise(model, [biased])
    assert result.model is model
    assert result.studies["verdict"].tolist() == ["excluded"]
    assert result.studies["reason"].str.startswith("incorporation").all()
    assert not result.table["moved"].any()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_is_irrelevant(seed: int) -> None:
    """To the last bit."""
    model, rows = with_studies(seed)
    one, other = (dx.synthesise(model, order) for order in (rows, rows[::-1]))
    assert one.model.hash == other.model.hash
    assert one.studies.equals(other.studies)


def test_the_order_of_states_is_irrelevant() -> None:
    """Sticks take the states in an order of their own; another one moves no number by more than 0.02."""
    model = exclusive_model()
    cause = model.by_name["cause"]
    turned = replace(
        model, variables=(replace(cause, states=(cause.states[0], *cause.states[:0:-1])), *model.variables[1:])
    )
    rows = [
        study("A", "f0", "cause", "predictive_value", k=70, n=100),
        study("B", "f1", "cause=mild", "predictive_value", k=40, n=90),
        study("C", "f2", "cause=severe", k=30, n=60),
        study("D", "f0", "cause=severe", "false_positive_rate", k=9, n=80),
        study("E", "f3", "cause", "lr_plus", value=2.0, lower=1.4, upper=3.0),
    ]
    results = (dx.synthesise(m, rows, heterogeneity=0.3, case_mix="learn") for m in (model, turned))
    one, other = (result.table.set_index(["file", "row"]) for result in results)
    assert one["moved"].sum() > 4
    assert_allclose(one["after"], other.loc[one.index, "after"], atol=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_study_of_infinite_heterogeneity_changes_nothing(seed: int) -> None:
    """It is predicted, and the others are as if it were not there."""
    model, rows = with_studies(seed)
    odd = replace(rows[0], study="odd", source="odd")
    without = dx.synthesise(model, rows, floor=0.3)
    beside = dx.synthesise(model, [*rows, odd], heterogeneity={"odd": np.inf})
    assert_allclose(beside.table["after"], without.table["after"], atol=1e-12)
    assert_allclose(beside.table["information"], without.table["information"], atol=1e-12)
    assert beside.studies.set_index("study").loc["odd", "weight"] == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_study_cut_in_two_changes_nothing(seed: int) -> None:
    """At tau 0 two halves of a study say what the whole does, the uncertain case mix included."""
    model, rows = with_studies(seed)
    whole = next(row for row in rows if row.k is not None)
    assert whole.k is not None and whole.n is not None
    k, n = whole.k // 2, whole.n // 2
    halves = [replace(whole, k=k, n=n), replace(whole, study="other_half", k=whole.k - k, n=whole.n - n)]
    rest = [row for row in rows if row is not whole]
    if k > n:
        pytest.skip("the first half has more events than patients")
    results = [dx.synthesise(model, [*rest, *part], heterogeneity=0.0, tolerance=1e-9) for part in ([whole], halves)]
    assert_allclose(results[0].table["after"], results[1].table["after"], atol=1e-5)
    assert_allclose(results[0].table["information"], results[1].table["information"], atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_information_never_falls_with_a_study_more(seed: int) -> None:
    """At fixed tau and linearisation."""
    model, rows = with_studies(seed, 8)
    problem, state, spread = solved(model, rows, tolerance=1e-4)
    before = np.zeros(len(problem.unknowns.numbers))
    for count in range(1, len(rows) + 1):
        silent = np.where(np.arange(len(rows)) < count, spread, np.inf)
        uncertainty = Uncertainty(problem, state, silent)
        pairs = [uncertainty.variance(n.sticks, n.slopes(state.eta)) for n in problem.unknowns.numbers]
        information = np.array([1 - after / prior for after, prior in pairs])
        assert (information >= before - 1e-12).all()
        assert (information < 1).all()
        before = information
    assert before.max() > 0.01


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_add_to_one(seed: int) -> None:
    """The prior and all sources together, for every number."""
    model, rows = with_studies(seed, 8)
    shares = dx.synthesise(model, rows).shares
    assert_allclose(shares.sum(axis=1), 1, atol=1e-9)
    assert (shares >= 0).all(axis=None)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cut_case_mix_never_moves(seed: int) -> None:
    """Neither contexts nor causes nor what brings causes about, unless patients of a population were consecutive."""
    model, rows = with_studies(seed, 8)
    result = dx.synthesise(model, rows)
    held = result.table[result.table["held"]]
    kinds = {v.variable: v.kind for v in model.variables}
    assert (held["before"] == held["after"]).all()
    assert result.model.priors == model.priors
    assert all(kinds[row.child] not in ("context", "cause") for row in result.model.links if row.status == "synthesis")


def test_consecutive_patients_teach_the_case_mix() -> None:
    """A predictive value in consecutive patients of a named population says how common a cause is."""
    base = one_number()
    model = replace(base, priors=(replace(base.priors[0], lower=0.1, upper=0.35),))
    row = study("A", "sign", "ill", "predictive_value", k=60, n=80, population="here", sampled_from="consecutive")
    moved = dx.synthesise(model, [row]).model.priors[0]
    assert moved.status == "synthesis"
    assert moved.probability > 0.25
    for other in (replace(row, sampled_from="convenience"), replace(row, design="case_control")):
        assert dx.synthesise(model, [other]).model.priors == model.priors
    assert dx.synthesise(model, [replace(row, sampled_from="")], case_mix="learn").model.priors[0].status == "synthesis"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_witness_reaches_the_same_objective(seed: int) -> None:
    """L-BFGS, which knows nothing of the structure, finds no better point."""
    model, rows = with_studies(seed, 8)
    problem, state, spread = solved(model, rows)

    def cost(eta: np.ndarray) -> tuple[float, np.ndarray]:
        at = problem.look(eta, spread)
        return -at.objective, -problem.slope(at, spread)

    witness = optimize.minimize(cost, problem.unknowns.start, jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    assert_allclose(-witness.fun, state.objective, atol=1e-4)
    assert -witness.fun <= state.objective + 1e-6
    assert_allclose(problem.slope(state, spread), 0, atol=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_source_left_out_is_a_refit(seed: int) -> None:
    """Within 0.1 logit of a fit without the source, where it carries at most half of what is known of its figure."""
    model, rows = with_studies(seed, 8)
    problem, state, spread = solved(model, rows)
    uncertainty = Uncertainty(problem, state, spread)
    carried = uncertainty.weight * (uncertainty.of_rows * state.jacobian[:, uncertainty.active]).sum(axis=1)
    assert (carried < 0.5).sum() >= 5
    for place, row in enumerate(rows):
        z, variance = without(problem, state, spread, np.array([place]))
        rest = [other for other in rows if other is not row]
        part = problem_of(model, rest)
        silent = Objective(problem.unknowns, part.questions, part.readings)
        begin = silent.look(state.eta, spread[:-1])
        refit, _ = silent.maximise(begin, spread[:-1], 1e-10, 200)
        implied = problem.questions.answer(problem.unknowns.networks(refit.eta)).z[place]
        assert abs(z[0] - implied) < (0.1 if carried[place] <= 0.5 else 0.3)
        assert variance[0, 0] > 0


def test_prediction_is_calibrated_and_holm_keeps_its_level() -> None:
    """Mid-p of studies left out is spread evenly where the model is right."""
    found = []
    for seed in range(12):
        model, rows = with_studies(seed, 10)
        problem, state, spread = solved(model, rows, tolerance=1e-4)
        predicted = left_out(problem, state, spread, spread, [row.source for row in rows])
        assert (predicted.adjusted_p >= predicted.source_p).all()
        assert (predicted.lower <= predicted.middle).all()
        assert (predicted.middle <= predicted.upper).all()
        found.append(predicted.p)
    p = np.concatenate(found)
    assert 0.0 < (p < 0.05).mean() < 0.12 or (p < 0.05).sum() == 0
    assert 0.4 < p.mean() < 0.7


def test_a_small_network_agrees_with_a_markov_chain() -> None:
    """Metropolis chains over numbers and study effects of a noisy-OR written out by hand."""
    model = noisy_or_of_two()
    rows = [
        study("A", "sign", "first", k=41, n=60),
        study("B", "sign", "second", k=12, n=40),
        study("C", "sign", "first", "false_positive_rate", k=22, n=120),
        study("D", "sign", "first", k=30, n=50),
    ]
    tau = 0.3
    result = dx.synthesise(model, rows, heterogeneity=tau, tolerance=1e-8)
    priors = [beta_of(row.value, row.lower, row.upper) for row in NOISY_OR]
    a, b = (np.array([getattr(prior, name) for prior in priors]) for name in "ab")
    k, n = (np.array([getattr(row, name) for row in rows]) for name in "kn")

    def log_density(at: np.ndarray) -> np.ndarray:
        eta, effect = at[:, :3], at[:, 3:]
        leak, first, second = (1 / (1 + np.exp(-eta[:, place])) for place in range(3))
        none, by_one, by_two = 1 - leak, (1 - leak) * (1 - first), (1 - leak) * (1 - second)
        both = by_one * (1 - second)
        p1, p2 = PREVALENCES  # independent causes
        of_first = 1 - (p2 * both + (1 - p2) * by_one)
        of_second = 1 - (p1 * both + (1 - p1) * by_two)
        of_others = 1 - (p2 * by_two + (1 - p2) * none)
        p = np.stack([of_first, of_second, of_others, of_first], axis=1)
        x = np.log(p / (1 - p)) + effect
        likelihood = (k * x - n * np.logaddexp(0, x)).sum(axis=1)
        prior = -(a * np.logaddexp(0, -eta) + b * np.logaddexp(0, eta)).sum(axis=1)
        return np.asarray(likelihood + prior - 0.5 * (effect**2).sum(axis=1) / tau**2)

    rng = np.random.default_rng(2)
    chains = np.concatenate([np.tile(np.log(a / b), (300, 1)), np.zeros((300, 4))], axis=1)
    value, kept = log_density(chains), []
    for step in range(4000):
        trial = chains + rng.standard_normal(chains.shape) * np.array([0.25] * 3 + [0.12] * 4)
        there = log_density(trial)
        taken = np.log(rng.random(300)) < there - value
        chains = np.where(taken[:, None], trial, chains)
        value = np.where(taken, there, value)
        if step >= 500 and step % 10 == 0:
            kept.append(chains[:, :3])
    drawn = np.concatenate(kept)
    table = result.table.set_index("row")
    rows_of = [", ".join(part for part in row.key if part) for row in NOISY_OR]
    after = table.loc[rows_of, "after"].to_numpy()
    assert_allclose(after, 1 / (1 + np.exp(-drawn.mean(axis=0))), atol=0.015)
    wide = np.array([np.quantile(1 / (1 + np.exp(-drawn)), at, axis=0) for at in (0.025, 0.975)])
    assert_allclose(table.loc[rows_of, "lower"], wide[0], atol=0.025)
    assert_allclose(table.loc[rows_of, "upper"], wide[1], atol=0.025)


def test_heterogeneity_is_found() -> None:
    """Many studies of one figure: tau is estimated near what it was, and never used below the floor."""
    model = one_number()
    rng = np.random.default_rng(3)
    for tau in (0.0, 0.8):
        x = np.log(0.3 / 0.7) + rng.normal(0, tau, 40)
        rows = [
            study(f"s{i}", "sign", "ill", k=int(rng.binomial(200, 1 / (1 + np.exp(-at)))), n=200)
            for i, at in enumerate(x)
        ]
        found = dx.synthesise(model, rows).heterogeneity
        assert abs(found.estimate - tau) < 0.2
        assert found.tau >= 0.3
        assert found.lower <= found.estimate <= found.upper


def test_a_blank_number_rests_on_the_studies_alone() -> None:
    """Its prior is Beta(1, 1); one that studies say little about keeps the model's."""
    model = one_number()
    row = study("A", "sign", "ill", k=80, n=100)
    result = dx.synthesise(model, [row], blank=["sign"], heterogeneity=0.0)
    assert_allclose(result.table["after"], 81 / 102, atol=1e-9)
    silent = dx.synthesise(model, [row], blank=["sign"], heterogeneity=50.0)
    assert_allclose(silent.table["after"], 0.3)
    assert "say little" in silent.warnings[-1]
    with pytest.raises(dx.LearningError, match=r"blank: 'sing'; expected .* 'sign'"):
        dx.synthesise(model, [row], blank=["sing"])


def test_a_number_that_studies_say_little_of_stays_exactly_as_it_was() -> None:
    """Under 10 % of what is known of it."""
    model, rows = with_studies(7, 8)
    result = dx.synthesise(model, rows)
    still = result.table[~result.table["moved"]]
    assert len(still)
    assert (still["information"][~still["held"]] < 0.1).all()
    for name in ("", "_lower", "_upper"):
        assert (still[f"before{name}"] == still[name.strip("_") or "after"]).all()


@pytest.mark.parametrize("seed", range(20))
def test_every_new_version_is_sound(seed: int, tmp_path: Path) -> None:
    """Graded rows that give every state still sum to 1, whatever moved; it saves, loads and is the same."""
    model, rows = with_studies(seed, 5)
    model = replace(model, tables=tuple(_with_reference(model)), management=(), red_flags=())
    result = dx.synthesise(model, rows, case_mix="learn", prior_strength=0.2)
    made = dx.load_model(dx.save_model(result.model, tmp_path / model.name / result.model.version))
    assert made.hash == result.model.hash
    assert dx.check_model(tmp_path / model.name / result.model.version) == []


def _with_reference(model: dx.Model) -> Iterator[TableEntry]:
    """Rows of tables with one for the reference state as well."""
    left: dict[tuple, float] = {}
    for row in model.tables:
        yield row
        left[row.variable, row.parents] = left.get((row.variable, row.parents), 1.0) - row.probability
    for (variable, parents), p in left.items():
        p = max(p, 0.0)
        state = model.by_name[variable].states[0]
        yield TableEntry("", variable, parents, state, p, p / 2, (1 + p) / 2, "S", "expert")


def test_what_may_not_move_does_not() -> None:
    """Parts and variables left out keep their numbers; unknown words are refused."""
    model, rows = with_studies(7, 8)
    (name,) = {row.finding for row in rows[:1]}
    result = dx.synthesise(model, rows, variables=[name])
    moved = result.table[result.table["moved"]]
    assert moved["row"].str.contains(name).all()
    assert dx.synthesise(model, rows, move=["priors"]).table["moved"].sum() == 0
    for options, sentence in (
        ({"case_mix": "keep"}, "case_mix: 'keep'; expected cut or learn."),
        ({"floor": -1}, "floor: -1; expected a finite number of at least 0."),
        ({"prior_strength": 0.0}, "prior_strength: 0.0; expected a finite number above 0."),
        ({"heterogeneity": {"s99": 1.0}}, "heterogeneity: 's99' is no study"),
        (
            {"heterogeneity": np.inf},
            "heterogeneity: expected numbers of at least 0; infinite only for a study by name.",
        ),
        ({"tolerance": 0.0}, "tolerance: 0.0; expected a number above 0."),
    ):
        with pytest.raises(dx.LearningError, match=sentence.replace("(", r"\(")):
            dx.synthesise(model, rows, **options)  # type: ignore[arg-type]


def test_known_numbers_are_recovered() -> None:
    """From many large studies of numbers drawn from the priors, nearer the truth than the priors were."""
    model, _ = with_studies(3, 1)
    problem = problem_of(model, random_studies(model, 3, 1))
    unknowns: Unknowns = problem.unknowns
    rng = np.random.default_rng(0)
    nearer, before = [], []
    for seed in range(5):
        s = rng.beta(unknowns.a, unknowns.b).clip(1e-6, 1 - 1e-6)
        truth = np.log(s / (1 - s))
        sheet = unknowns.sheets[model.population]
        network = sheet.network(truth)
        values = sheet.layout.values(network)
        rows = _studies_under(model, network, seed)
        problem_here = problem_of(model, rows)
        here = problem_here.unknowns.sheets[model.population]
        spread = np.zeros(len(rows))
        start = problem_here.look(problem_here.unknowns.start, spread)
        state, _ = problem_here.maximise(start, spread, 1e-6, 200)
        uncertainty = Uncertainty(problem_here, state, spread)
        for number in problem_here.unknowns.numbers:
            after, prior = uncertainty.variance(number.sticks, number.slopes(state.eta))
            if 1 - after / prior > 0.5 and number.population == model.population:
                cell = here.belief.cells[number.cell]
                found = here.layout.values(here.network(state.eta))[cell]
                nearer.append(abs(found - values[cell]))
                before.append(abs(here.values[cell] - values[cell]))
    assert len(nearer) > 5
    assert np.mean(nearer) < 0.7 * np.mean(before)


def _studies_under(model: dx.Model, network: object, seed: int) -> list:
    """Large studies of what another network of the same shape implies, one population."""
    rng = np.random.default_rng(seed)
    rows = []
    for finding in model.findings:
        for cause in model.causes:
            for measure in ("sensitivity", "false_positive_rate"):
                row = study(
                    f"{finding}_{cause}_{measure}", finding, cause, measure, state=model.by_name[finding].states[-1]
                )
                p = float(Questions(model, [row]).answer({model.population: network}).ill[0])  # type: ignore[dict-item]
                if 1e-6 < p < 1 - 1e-6:
                    rows.append(replace(row, k=int(rng.binomial(2000, p)), n=2000))
    return rows
