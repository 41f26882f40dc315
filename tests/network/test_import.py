"""A model made of a network answers as the network does, and says what it rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.errors import NetworkError
from bayesdx.network import Details, Network, Node, NoisyMax, Table
from bayesdx.network.importing import _possible
from tests import oracle
from tests.network.networks import nasty_networks
from tests.network.test_files_read import XDSL, written

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "networks"
public = pytest.mark.skipif(not SHARED.is_dir(), reason="no folder of public networks beside the tree")

CAUSES = {
    "asia": ["tub", "lung", "bronc"],
    "alarm": ["HYPOVOLEMIA", "LVFAILURE", "ANAPHYLAXIS", "PULMEMBOLUS", "INTUBATION", "KINKEDTUBE", "DISCONNECT"],
    "hepar2": ["Cirrhosis", "PBC", "Steatosis", "ChHepatitis", "THepatitis", "RHepatitis", "Hyperbilirubinemia"],
}


def pgmpy_network(name: str) -> Path:
    """A network that comes with pgmpy."""
    import pgmpy

    return Path(pgmpy.__file__).parent / "utils" / "example_models" / f"{name}.bif.gz"


def saved(model: dx.Model, folder: Path) -> dx.Model:
    """The model as it comes back from a folder."""
    return dx.load_model(dx.save_model(model, folder / model.version))


@pytest.mark.parametrize("name", CAUSES)
def test_posteriors_are_those_of_the_network(name: str, tmp_path: Path) -> None:
    """Every cause and mechanism, with random findings on random patients, to 1e-12."""
    network = dx.read_network(pgmpy_network(name))
    model = saved(dx.model_from_network(network, CAUSES[name]), tmp_path)
    assert set(model.causes) == set(CAUSES[name])
    rng = np.random.default_rng(0)
    patients = pd.DataFrame(index=range(20), columns=list(network.names), dtype=object)
    for node in network.nodes:
        if model.by_name[node.name].kind in ("examination", "test", "context"):
            seen = rng.random(20) < 0.3
            codes = rng.integers(0, len(node.states), 20)
            patients[node.name] = [node.states[c] if s else None for c, s in zip(codes, seen, strict=True)]
    mine, theirs = dx.Engine(model), dx.Engine(network)
    possible = np.isfinite(theirs.log_evidence(patients))
    patients = patients[possible]
    assert len(patients) > 5
    assert_allclose(mine.log_evidence(patients), theirs.log_evidence(patients), atol=1e-9)
    asked = [v.variable for v in model.variables if v.kind in ("cause", "mechanism")]
    one, other = mine.marginals(patients, targets=asked), theirs.marginals(patients, targets=asked)
    for target in asked:
        assert_allclose(one[target][list(other[target].columns)], other[target], atol=1e-12)


@pytest.mark.parametrize("name", CAUSES)
def test_every_question_works(name: str, tmp_path: Path) -> None:
    """Diagnose, explain, next tests, sensitivity, the explorer's state, a card: on the model of any network."""
    model = saved(dx.model_from_network(dx.read_network(pgmpy_network(name)), CAUSES[name]), tmp_path)
    first, second = model.findings[:2]
    case = dx.diagnose(model, {first: model.by_name[first].states[-1], second: model.by_name[second].states[0]})
    assert {event.partition("=")[0] for event in case.posterior.index} == set(model.causes)
    assert len(dx.explain(case).table)
    assert len(dx.next_tests(case).table) == len(model.findings) - 2
    assert len(dx.sensitivity_analysis(case).table)
    assert dx.model_card(model)
    assert dx.check_model(tmp_path / model.version) == []
    rows = pa.RecordBatch.from_pylist([{first: model.by_name[first].states[-1]}, {first: None}])
    assert dx.score_batch(model, rows).num_rows == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(network=nasty_networks(2, 5), choice=st.integers(0, 2**16))
def test_any_network_keeps_its_joint_or_is_refused_in_one_sentence(
    network: Network, choice: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Odd names, gates, zeros: the probability of every state of every variable, and that of a pair."""
    cause = network.names[choice % len(network)]
    try:
        model = dx.model_from_network(network, [cause])
    except NetworkError as error:
        assert "always in one state" in str(error)
        return
    model = saved(model, tmp_path_factory.mktemp("model"))
    made = dx.as_network(model)
    before = oracle.posterior(network, [-1] * len(network))
    after = oracle.posterior(made, [-1] * len(made))
    varied = _possible(network)[0].names
    assert len(varied) == len(made)
    for name, other in zip(varied, [v.variable for v in model.variables], strict=True):
        mine, theirs = sorted(after[other]), sorted(before[name])
        assert_allclose(mine, theirs[len(theirs) - len(mine) :], atol=1e-9)
        assert_allclose(sum(theirs[: len(theirs) - len(mine)]), 0)


def test_kinds_follow_from_the_graph_and_can_be_given() -> None:
    """Causes are named; roots are contexts, leaves findings, the rest mechanisms."""
    network = dx.as_network(dx.load_model("chest_clinic@1.0.0"))
    model = dx.model_from_network(network, ["tuberculosis"], kinds={"xray": "test", "lung_cancer": "history"})
    kinds = {variable.variable: variable.kind for variable in model.variables}
    assert kinds == {
        "visit_to_asia": "context", "smoking": "context", "tuberculosis": "cause", "lung_cancer": "history",
        "bronchitis": "mechanism", "either": "mechanism", "xray": "test", "dyspnoea": "examination",
    }  # fmt: skip


def test_genie_says_roles_references_labels_and_costs(tmp_path: Path) -> None:
    """Targets become causes, observations findings, the state that is no fault the reference, costs a test."""
    network = dx.read_network(written(tmp_path, XDSL, "weather.xdsl"))
    model = saved(dx.model_from_network(network, name="weather"), tmp_path)
    assert model.causes == ("rain",)
    rain, wet = model.by_name["rain"], model.by_name["wet"]
    assert (rain.states, rain.state_labels) == (("no", "yes"), ("no", "It rains"))
    assert (wet.kind, wet.label, wet.definition) == ("test", "Wet grass", "seen")
    assert model.by_name["mud"].kind == "examination"
    [test] = model.tests
    assert (test.test, test.variables, test.cost_eur) == ("wet", ("wet",), 12.5)
    assert "currency" in test.note
    assert model.info.title == "Weather in the garden"


def test_the_source_names_the_file_and_its_hash(tmp_path: Path) -> None:
    """Each number rests on it, as a judgement unless something better is stated."""
    import hashlib

    path = written(tmp_path, XDSL, "weather.v2.xdsl")
    model = dx.model_from_network(dx.read_network(path))
    [source] = model.sources
    assert (source.source, source.status) == ("IMPORTED", "expert")
    assert source.citation == "weather.v2.xdsl, imported with bayesdx"
    assert source.identifier == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert model.count_statuses() == {"expert": len(model.priors) + len(model.links) + len(model.tables)}
    assert model.name == "weather"
    learned = dx.model_from_network(dx.read_network(path), status="dataset")
    assert set(learned.count_statuses()) == {"dataset"}


def test_gates_become_links_and_tables_stay_tables(tmp_path: Path) -> None:
    """The gates of the flagship through XDSL are the same network again."""
    network = dx.as_network(dx.load_model("hip_flexion_weakness@1.0.0"))
    read = dx.read_network(dx.write_network(network, tmp_path / "hip.xdsl"))
    model = saved(dx.model_from_network(read, network.targets), tmp_path)
    tabled = {node.name for node in network.nodes if isinstance(node.cpd, Table) and node.parents}
    assert {entry.variable for entry in model.tables} == tabled
    for node in network.nodes:
        other = dx.as_network(model)[node.name]
        assert other.states == node.states
        assert set(other.parents) == set(node.parents)  # a gate takes them in the order of the model
        for parent in node.parents if isinstance(node.cpd, NoisyMax) else ():
            mine, theirs = (each.cpd.links[each.parents.index(parent)] for each in (node, other))  # type: ignore
            assert_allclose(theirs, mine, rtol=0, atol=1e-15)


def test_intervals_come_from_a_stated_sample_size_only() -> None:
    """None where none is stated; else those of a Beta of that size, from which the size comes back."""
    from scipy.stats import beta

    coin = Network([Node("coin", ("no", "yes"), (), Table([0.8, 0.2]))])
    [prior] = dx.model_from_network(coin, ["coin"]).priors
    assert (prior.lower, prior.probability, prior.upper) == (0.2, 0.2, 0.2)
    model = dx.model_from_network(coin, ["coin"], sample_size=50)
    [prior] = model.priors
    assert_allclose([prior.lower, prior.upper], beta(10, 40).ppf([0.025, 0.975]), rtol=1e-5)
    assert compiled(model).distributions[0].sample_size == pytest.approx(50, rel=1e-3)
    rare = Network([Node("coin", ("no", "yes"), (), Table([1 - 1e-9, 1e-9]))])
    [prior] = [p for p in dx.model_from_network(rare, ["coin"], sample_size=10).priors if p.state == "yes"]
    assert prior.lower <= prior.probability <= prior.upper


def two(states: tuple[str, ...]) -> Network:
    """A cause of these states and a finding of two."""
    card = len(states)
    return Network(
        [
            Node("a", states, (), Table(np.full(card, 1 / card))),
            Node("b", ("yes", "no"), ("a",), Table(np.full((card, 2), 0.5))),
        ]
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("yes", "no"), ("no", "yes")),
        (("ZERO", "LOW", "NORMAL", "HIGH"), ("NORMAL", "ZERO", "LOW", "HIGH")),
        (("active", "persistent", "absent"), ("absent", "persistent", "active")),
        (("a700_400", "a399_150", "a149_40"), ("a149_40", "a399_150", "a700_400")),  # as b has it: the last one
    ],
)
def test_the_reference_state_is_the_one_that_means_nothing_is_there(
    states: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    """By a word, else by the place that is usual in the network; the others keep their order, or turn round."""
    model = dx.model_from_network(two(states), ["a"])
    assert model.by_name["a"].states == expected
    assert ("a (a149_40)" in model.notes) == (states[0] == "a700_400")
    given = dx.model_from_network(two(states), ["a"], references={"a": states[0]})
    assert given.by_name["a"].states == states


def test_states_that_cannot_be_are_left_out_and_listed(tmp_path: Path) -> None:
    """A probability of 0 in every row says nothing, and the format has no such state."""
    network = Network(
        [
            Node("a", ("no", "ghost", "yes"), (), Table([0.7, 0.0, 0.3])),
            Node("b", ("no", "yes", "maybe"), ("a",), Table([[0.9, 0.1, 0], [0, 0, 1], [0.2, 0.8, 0]])),
        ]
    )
    model = saved(dx.model_from_network(network, ["a"]), tmp_path)
    assert [v.states for v in model.variables] == [("no", "yes"), ("no", "yes")]
    assert "a = ghost, b = maybe" in model.notes
    assert_allclose(dx.diagnose(model, {"b": "yes"}).posterior["a"], 0.24 / 0.31)


def test_variables_that_are_always_in_one_state_are_left_out(tmp_path: Path) -> None:
    """Their part in tables and gates is kept, so that no posterior changes; a gate may become a table."""
    network = Network(
        [
            Node("c", ("no", "yes"), (), Table([0.6, 0.4])),
            Node("one", ("only",), (), Table([1.0])),
            Node("sure", ("no", "yes"), (), Table([0.0, 1.0])),
            Node("gate", ("no", "yes"), ("c", "one", "sure"),
                 NoisyMax([0.9, 0.1], ([[1, 0], [0.3, 0.7]], [[1, 0]], [[1, 0], [0.5, 0.5]]))),
            Node("table", ("no", "yes"), ("sure", "c"), Table([[[1, 0], [1, 0]], [[0.8, 0.2], [0.1, 0.9]]])),
            Node("high", ("0", "1", "2"), ("c",), NoisyMax([0, 0.5, 0.5], [[[1, 0, 0], [0, 0.5, 0.5]]])),
            Node("fixed", ("a", "b"), ("c",), NoisyMax([0, 1], [[[1, 0], [0, 1]]])),
        ]
    )  # fmt: skip
    model = saved(dx.model_from_network(network, ["c"]), tmp_path)
    assert [v.variable for v in model.variables] == ["c", "gate", "table", "high"]
    for left in ("one, which is always only", "sure, which is always yes", "high = 0", "fixed, which is always b"):
        assert left in model.notes
    for findings in ({"gate": "yes"}, {"table": "yes", "gate": "no"}, {"high": "2"}):
        seen = pd.DataFrame([findings])
        expected = dx.Engine(network).marginals(seen, targets=["c"])["c"]
        assert_allclose(dx.Engine(model).marginals(seen, targets=["c"])["c"], expected, atol=1e-15)


REFUSED = [
    (two(tuple(f"s{n}" for n in range(101))), "'a' has 101 states; a model holds 100"),
    (two(("only",)), "'a' is always in one state; it is no part of a model."),
    (
        Network(
            [
                *(Node(f"r{n}", tuple("abcdefgh"), (), Table(np.full(8, 1 / 8))) for n in range(6)),
                Node("x", ("no", "yes"), tuple(f"r{n}" for n in range(6)), Table(np.full((8,) * 6 + (2,), 0.5))),
            ]
        ),
        "'x' has 262144 combinations of its parents; a model holds 100000",
    ),
]


@pytest.mark.parametrize(("network", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_what_the_format_cannot_hold_is_said_in_one_sentence(network: Network, said: str) -> None:
    """All reasons at once."""
    with pytest.raises(NetworkError) as caught:
        dx.model_from_network(network, [network.names[0]])
    assert said in str(caught.value)


def test_wrong_names_and_options_are_told() -> None:
    """With the nearest valid name."""
    network = two(("no", "yes"))
    asked = [
        ({"causes": []}, "causes: none is named, and the network marks none"),
        ({"causes": ["aa_"]}, "causes: 'aa_' is not a variable."),
        ({"causes": ["a"], "kinds": {"b": "tset"}}, "kinds: 'tset' for 'b'"),
        ({"causes": ["a"], "kinds": {"a": "context"}}, "no cause is left"),
        ({"causes": ["a"], "references": {"b": "maybe"}}, "'maybe' is not a state of 'b': yes, no."),
        ({"causes": ["a"], "references": {"c": "no"}}, "a reference state: 'c' is not a variable."),
        ({"causes": ["a"], "sample_size": 0.5}, "sample_size: 0.5"),
        ({"causes": ["a"], "status": "sure"}, "status: 'sure'"),
        ({"causes": ["a"], "version": "1"}, "version: '1'"),
    ]
    for options, said in asked:
        with pytest.raises(NetworkError) as caught:
            dx.model_from_network(network, **options)  # type: ignore[arg-type]
        assert said in str(caught.value), said


def test_odd_names_are_kept_as_labels(tmp_path: Path) -> None:
    """A name that the format cannot hold becomes one that it can; people read the old one."""
    table = Table([0.5, 0.3, 0.2])
    network = Network(
        [
            Node("Fièvre (°C)", (">=38", "a|b", "a;b"), (), table, Details(comment="line\none")),
            Node("fievre (°C)", ("no", "No ", "NO"), (), table),
            Node("x", ("no", "yes"), ("Fièvre (°C)",), Table([[1, 0], [0.5, 0.5], [0, 1]])),
        ]
    )
    model = saved(dx.model_from_network(network, ["Fièvre (°C)"]), tmp_path)
    assert [v.variable for v in model.variables[:2]] == ["Fievre___C_", "fievre___C__2"]
    assert [v.label for v in model.variables[:2]] == ["Fièvre (°C)", "fievre (°C)"]
    assert model.variables[0].states == ("from_38", "a_b", "a_b_2")
    assert model.variables[0].definition == "line one"
    assert len({state.casefold() for state in model.variables[1].states}) == 3


def test_the_command_makes_a_folder_that_the_other_commands_take(tmp_path: Path) -> None:
    """Two commands from pgmpy's file to a differential; a version in the path is that of the model."""
    from bayesdx.cli.app import app

    runner = CliRunner()
    target = tmp_path / "asia"
    options = [part for cause in CAUSES["asia"] for part in ("--cause", cause)]
    result = runner.invoke(app, ["import", str(pgmpy_network("asia")), str(target), *options])
    assert result.exit_code == 0, result.output
    assert "0.1.0: saved, 3 cause(s), 2 findings, 8 variables." in result.output.replace("\n", "")
    result = runner.invoke(app, ["diagnose", str(target), "-f", "xray=yes", "-f", "dysp=yes"])
    assert result.exit_code == 0, result.output
    assert dx.load_model(target).name == "asia"
    more = ["--kind", "smoke=history", "--reference", "smoke=yes", "--sample-size", "100", "--name", "chest"]
    result = runner.invoke(app, ["import", str(pgmpy_network("asia")), str(tmp_path / "c" / "1.2.0"), *options, *more])
    assert result.exit_code == 0, result.output
    model = dx.load_model(tmp_path / "c")
    assert (model.name, model.version, model.by_name["smoke"].kind) == ("chest", "1.2.0", "history")
    assert model.by_name["smoke"].states == ("yes", "no")
    for wrong, said in [
        (["--kind", "x"], "--kind x: expected NAME=VALUE"),
        (["--cause", "bronch"], "Did you mean 'bronc'?"),
    ]:
        result = runner.invoke(app, ["import", str(pgmpy_network("asia")), str(tmp_path / "d"), *wrong])
        assert result.exit_code == 2
        assert said in result.output
    assert not (tmp_path / "d").exists()
    result = runner.invoke(app, ["import", str(pgmpy_network("asia")), str(target), *options])
    assert result.exit_code == 2
    assert "exists already" in result.output.replace("\n", " ")


def test_the_command_tells_what_reading_warns_of(tmp_path: Path) -> None:
    """One line on standard error, and the model all the same."""
    from bayesdx.cli.app import app

    path = written(tmp_path, XDSL.replace("0.9 0.08 0.02", "0.9 0.08 0.01"), "weather.xdsl")
    result = CliRunner().invoke(app, ["import", str(path), str(tmp_path / "weather")])
    assert result.exit_code == 0, result.output
    assert f"Warning: {path}: one row misses a sum of 1 by up to 0.01; renormalised." in result.stderr
    assert dx.load_model(tmp_path / "weather").causes == ("rain",)
