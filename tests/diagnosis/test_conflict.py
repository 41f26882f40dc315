"""Surprise: 0 for independent findings, and the definition otherwise."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.diagnosis.conflict import conflict_of
from bayesdx.knowledge.model import ModelInfo, Population
from bayesdx.knowledge.schema import Prior, Variable
from bayesdx.network import compile_network
from tests.diagnosis import brute
from tests.diagnosis.cases import naive_model, possible_cases


@settings(max_examples=60)
@given(case=possible_cases())
def test_conflict_is_its_definition(case: dx.Diagnosis) -> None:
    """log2 of the product of P(finding) over P(findings), for all of them and for every pair, from the joint table."""
    network = compile_network(case.model)
    joint = brute.joint_array(network)
    names = [name for name, value in case.findings.items() if value is not dx.UNKNOWN]

    def probability(chosen: tuple[str, ...]) -> float:
        codes = [case.evidence.codes[network.index[name]] if name in chosen else -1 for name in network.names]
        soft = {name: values for name, values in case.evidence.likelihoods.items() if name in chosen}
        return math.log2(brute.total(brute.weighed(joint, network, codes, soft)))

    found = case.conflict
    if len(names) > 1:
        expected = sum(probability((name,)) for name in names) - probability(tuple(names))
        assert_allclose(found.bits, expected, atol=1e-9)
    else:
        assert found.bits == 0
    pairs = {pair.findings: pair.bits for pair in found.pairs}
    assert set(pairs) == set(itertools.combinations(names, 2))
    for chosen, bits in pairs.items():
        assert_allclose(bits, sum(probability((name,)) for name in chosen) - probability(chosen), atol=1e-9)
    assert list(found.table["bits"]) == sorted(found.table["bits"], reverse=True)
    if found.clash:
        assert found.clash.bits > 0


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 6))
def test_independent_findings_have_no_conflict(seed: int, n: int) -> None:
    """Variables without links: conflict is 0 for all and for every pair, and nothing clashes."""
    rng = np.random.default_rng(seed)
    variables = (Variable("c", "Cause", "cause", "", ("no", "yes"), ""),
                 *(Variable(f"x{i}", f"X{i}", "context", "", ("no", "yes"), "") for i in range(n)))  # fmt: skip
    priors = tuple(Prior("here", v.variable, "yes", p, p / 2, p, "S", "expert")
                   for v, p in zip(variables, rng.uniform(0.01, 0.9, n + 1), strict=True))  # fmt: skip
    info = ModelInfo("m", "1.0.0", "M", "CC0-1.0", "t", "e", "n", (Population("here", "Here"),), "here")
    model = dx.Model(info=info, variables=variables, priors=priors)
    found = dx.diagnose(model, {f"x{i}": str(rng.choice(["no", "yes"])) for i in range(n)}).conflict
    assert_allclose(found.bits, 0.0, atol=1e-9)
    assert_allclose([pair.bits for pair in found.pairs], 0.0, atol=1e-9)
    assert found.clash is None


def test_a_clash_is_traced_and_explained() -> None:
    """Two findings that exclude each other clash; a rare cause that brings both about resolves it."""
    model = naive_model([0.5, 0.001, 0.001], [0.0, 0.9, 0.9], prior=0.001)
    together = dx.diagnose(model, {"f1": "yes", "f2": "yes"}).conflict
    assert together.bits < 0
    assert together.warning == ""
    apart = dx.diagnose(naive_model([0.02, 0.02], [0.98, 0.98], prior=0.5), {"f0": "yes", "f1": "no"}).conflict
    assert apart.clash is not None
    assert apart.clash.findings == ("f0", "f1")
    assert apart.clash.bits == apart.bits > 3
    assert apart.warning.endswith("These findings do not go together: Finding 0: yes; Finding 1: no (3.7 bits).")


def test_a_conflict_without_a_clashing_pair_is_traced_to_three() -> None:
    """Where each pair is independent and the three are not, the three are named (exclusive or)."""
    from bayesdx.knowledge.schema import TableEntry

    names = ("a", "b", "c")
    variables = tuple(Variable(n, n.upper(), "cause" if n == "a" else "history", "", ("no", "yes"), "") for n in names)
    rows = [TableEntry("", "c", (("a", (x,)), ("b", (y,))), "yes", 0.01 if x == y else 0.99, 0, 1, "S", "expert")
            for x in ("no", "yes") for y in ("no", "yes")]  # fmt: skip
    base = naive_model([0.5], [0.0])
    model = replace(base, variables=variables, links=(), tables=tuple(rows), priors=(
        Prior("here", "a", "yes", 0.5, 0.4, 0.6, "S", "expert"),
    ))  # fmt: skip
    from bayesdx.knowledge.schema import Link

    model = replace(model, links=(Link("", "", "b", "yes", 0.5, 0.4, 0.6, "S", "expert"),))
    found = dx.diagnose(model, {"a": "yes", "b": "yes", "c": "yes"}).conflict
    assert_allclose([pair.bits for pair in found.pairs], 0.0, atol=1e-9)
    assert found.clash is not None
    assert found.clash.findings == ("a", "b", "c")
    assert_allclose(found.clash.bits, found.bits)


@settings(max_examples=30)
@given(case=possible_cases(zeros=False), seed=st.integers(0, 100))
def test_surprise_is_the_share_of_pictures_as_improbable(case: dx.Diagnosis, seed: int) -> None:
    """Within five standard errors of the exact prior predictive tail over all pictures of the same findings."""
    network = compile_network(case.model)
    kept = [place for place, code in enumerate(case.evidence.codes) if code >= 0]
    joint = brute.joint_array(network)
    pictures = joint.sum(axis=tuple(axis for axis in range(joint.ndim) if axis not in kept))
    here = pictures[tuple(case.evidence.codes[place] for place in kept)]
    expected = float(pictures[pictures <= here * (1 + 1e-9)].sum()) if kept else 1.0
    found = conflict_of(case, patients=1500, seed=seed)
    error = math.sqrt(max(expected * (1 - expected), 1 / 1500) / 1500)
    assert abs(found.surprise - expected) <= 5 * error


@settings(max_examples=20)
@given(case=possible_cases(zeros=False), seed=st.integers(0, 100))
def test_fit_is_the_posterior_predictive_tail(case: dx.Diagnosis, seed: int) -> None:
    """Within five standard errors of the tail over all pictures, averaged over the causes given the findings."""
    network, joint = brute.of_case(case)
    above = [place for place, name in enumerate(network.names)
             if case.model.by_name[name].kind in ("context", "cause")]  # fmt: skip
    asked = [place for place, code in enumerate(case.evidence.codes) if code >= 0 and place not in above]
    found = conflict_of(case, patients=10, copies=1500, seed=seed)
    if not asked:
        assert found.fit == 1.0
        return
    whole = brute.joint_array(network)
    posterior = np.moveaxis(joint, above, range(len(above))).sum(axis=tuple(range(len(above), joint.ndim)))
    posterior = (posterior / posterior.sum()).ravel()
    order = [*above, *asked]
    rest = tuple(axis for axis in range(joint.ndim) if axis not in order)
    kept = [axis for axis in range(joint.ndim) if axis not in rest]
    given = whole.sum(axis=rest).transpose([kept.index(axis) for axis in order])
    cells = given.reshape(len(posterior), *given.shape[len(above) :])
    expected = 0.0
    for weight, pictures in zip(posterior, cells, strict=True):
        here = pictures[tuple(case.evidence.codes[place] for place in asked)]
        if weight > 0:
            expected += weight * pictures[pictures <= here * (1 + 1e-9)].sum() / pictures.sum()
    error = math.sqrt(max(expected * (1 - expected), 1 / 1500) / 1500)
    assert abs(found.fit - expected) <= 5 * error


def test_nothing_fits_is_said_clearly() -> None:
    """A picture that no modelled cause brings about is called that; one of a rare cause is not."""
    n = 9
    model = naive_model([0.02] * n, [0.03] * n, prior=0.3)
    case = dx.diagnose(model, {f"f{i}": "yes" for i in range(n)})
    assert case.conflict.misfit
    assert case.conflict.warning.startswith(
        "Nothing modelled fits this picture well: of 500 patients simulated with the causes most probable here, none "
        "had findings as improbable. Check the findings, and think of causes outside the model."
    )
    assert case.conflict.warning in str(case.conflict).replace("\n    ", " ")
    rare = dx.diagnose(naive_model([0.001] * n, [0.6] * n, prior=1e-4), {f"f{i}": "yes" for i in range(n // 2)})
    assert rare.conflict.surprise < 0.01
    assert not rare.conflict.misfit
