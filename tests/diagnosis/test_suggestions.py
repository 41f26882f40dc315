"""What next: information, decisions and ranks equal the enumeration of every result."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.simulate import complete, simulate
from bayesdx.diagnosis.suggestions import Option, net_value, open_options
from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.schema import EMERGENCY_HOURS, Conditions, ManagementStep, Test
from bayesdx.network import Network, compile_network
from tests.diagnosis import brute
from tests.diagnosis.cases import in_time, naive_model, possible_cases

Array = np.ndarray


def entropy(weights: Array) -> float:
    total = math.fsum(weights.ravel().tolist())
    shares = (weights / total).ravel()
    return -math.fsum(p * math.log2(p) for p in shares.tolist() if p > 0)


def causes_of(joint: Array, network: Network, names: tuple[str, ...]) -> Array:
    """The joint of some variables, the others summed out."""
    kept = tuple(network.index[name] for name in names)
    return joint.sum(axis=tuple(axis for axis in range(joint.ndim) if axis not in kept))


class Brute:
    """Everything about one option, from the joint table."""

    def __init__(self, case: dx.Diagnosis, variables: tuple[str, ...]) -> None:
        self.case, self.variables = case, variables
        self.network, self.joint = brute.of_case(case)
        self.total = brute.total(self.joint)
        states = [range(len(case.model.by_name[name].states)) for name in variables]
        self.results = []
        for chosen in itertools.product(*states):
            codes = np.full(len(self.network), -1)
            codes[[self.network.index[name] for name in variables]] = chosen
            weighed = brute.weighed(self.joint, self.network, codes.tolist())
            if brute.total(weighed) > 0:
                self.results.append((brute.total(weighed) / self.total, weighed))

    def bits(self, names: tuple[str, ...]) -> float:
        before = entropy(causes_of(self.joint, self.network, names))
        return before - math.fsum(p * entropy(causes_of(w, self.network, names)) for p, w in self.results)

    def lines(self, joint: Array) -> Array:
        found = []
        for line in compiled(self.case.model).lines:
            margin = causes_of(joint, self.network, (line.variable,))
            found.append(margin[line.state] / brute.total(joint))
        return np.array(found)

    def present(self, joint: Array, cause: str) -> float:
        """P(the cause, or the state that is named); of a graded cause named as a whole that of its likeliest state."""
        name, _, state = cause.partition("=")
        margin = causes_of(joint, self.network, (name,)) / brute.total(joint)
        if state:
            return float(margin[self.case.model.by_name[name].states.index(state)])
        return float(margin[1:].max())

    def excluded(self, joint: Array, conditions: Conditions) -> bool:
        """Whether a condition has probability 0 by what was found, whatever the model says of it."""
        known = brute.weighed(np.ones_like(self.joint), self.network, self.case.evidence.codes.tolist(),
                              self.case.evidence.likelihoods)  # fmt: skip
        for name, states in conditions:
            axis = self.network.index[name]
            wanted = [self.network.nodes[axis].states.index(state) for state in states]
            if known.take(wanted, axis=axis).max() == 0:
                return True
            if joint is not self.joint and name in self.variables and joint.take(wanted, axis=axis).max() == 0:
                return True
        return False

    def decisions(self, joint: Array) -> set[tuple[str, str]]:
        return {
            (step.cause, step.action)
            for step in self.case.model.management
            if self.present(joint, step.cause) >= step.threshold and not self.excluded(joint, step.conditions)
        }

    def benefit(self, joint: Array) -> float:
        found = 0.0
        for cause in dict.fromkeys(step.cause for step in self.case.model.management):
            limits = {step.threshold for step in self.case.model.management if step.cause == cause}
            gains = [max(0.0, (self.present(joint, cause) - limit) / (1 - limit)) for limit in limits]
            found += sum(gains) / len(gains) if gains else 0.0
        return found


@settings(max_examples=100)
@given(case=possible_cases())
def test_information_equals_the_enumeration(case: dx.Diagnosis) -> None:
    """Bits are mutual information: never negative, equal to brute force, for single findings and joint tests."""
    following = dx.next_tests(case)
    target = following.target
    for suggestion in following.suggestions:
        expected = Brute(case, suggestion.option.variables)
        assert min(suggestion.bits, suggestion.bits_target, suggestion.bits_rule_in, suggestion.bits_rule_out) >= 0
        assert_allclose(suggestion.bits, expected.bits(case.model.causes), atol=1e-9)
        assert_allclose(suggestion.bits_rule_in + suggestion.bits_rule_out, suggestion.bits_target, atol=1e-12)
        if len(case.model.by_name[target.variable].states) == 2:
            assert_allclose(suggestion.bits_target, expected.bits((target.variable,)), atol=1e-9)


@settings(max_examples=60)
@given(case=possible_cases())
def test_decisions_and_the_top_of_the_list_equal_the_enumeration(case: dx.Diagnosis) -> None:
    """P(a threshold is crossed), P(another cause is first) and the gain in net benefit follow from the joint table."""
    for suggestion in dx.next_tests(case).suggestions:
        expected = Brute(case, suggestion.option.variables)
        now = expected.lines(expected.joint)
        joints = [expected.joint, *(w for _, w in expected.results)]
        steps = case.model.management
        margins = [abs(expected.present(w, step.cause) - step.threshold) for w in joints for step in steps]
        if min(margins, default=1.0) > 1e-9:
            taken = expected.decisions(expected.joint)
            changed = math.fsum(p for p, w in expected.results if expected.decisions(w) != taken)
            assert_allclose(suggestion.decision_change, changed, atol=1e-9)
            assert_allclose(suggestion.same_decision, 1 - changed, atol=1e-9)
        ordered = [np.sort(expected.lines(w))[::-1] for w in joints]
        if all(len(row) == 1 or row[0] - row[1] > 1e-9 for row in ordered):
            moved = math.fsum(p for p, w in expected.results if expected.lines(w).argmax() != now.argmax())
            assert_allclose(suggestion.top_change, moved, atol=1e-9)
        gain = math.fsum(p * expected.benefit(w) for p, w in expected.results) - expected.benefit(expected.joint)
        assert_allclose(suggestion.benefit, max(gain, 0.0), atol=1e-9)


@settings(max_examples=25)
@given(case=possible_cases(), focus=st.sampled_from(["causes", "rule_in", "rule_out"]))
def test_looking_ahead_equals_asking_again_after_each_result(case: dx.Diagnosis, focus: str) -> None:
    """The second option is the best of ``next_tests`` after each result, as far as it pays; its bits are added.

    It takes its usual time, whether or not an emergency is open by then.
    """
    hour = dx.types.TradeOff().eur_per_hour
    cause = case.posterior.index[0]
    asked = {} if focus == "causes" else {focus: cause}
    network = compile_network(case.model)
    for suggestion in dx.next_tests(case, look_ahead=2, **asked).suggestions:
        option = suggestion.option
        bits, value = suggestion.bits, suggestion.net_value_eur
        cards = [network.cardinalities[network.index[name]] for name in option.variables]
        for states in itertools.product(*map(range, cards)):
            found = {name: case.model.by_name[name].states[s] for name, s in zip(option.variables, states, strict=True)}
            try:
                then = case.with_findings(found)
            except dx.ImpossibleEvidenceError:
                continue
            weight = math.exp(then.log_evidence - case.log_evidence)
            after = dx.next_tests(then, **(asked or {"target": cause}))
            worth = {s: s.net_value_eur - (s.option.delay_hours - s.delay_hours) * hour for s in after.suggestions}
            best = max(worth, key=lambda s: (round(worth[s], 6), s.bits), default=None)
            if best is not None and round(worth[best], 6) > 0:
                value += weight * worth[best]
                bits += weight * best.bits
        assert_allclose(suggestion.net_value_ahead_eur, value, atol=1e-6)
        assert_allclose(suggestion.bits_ahead, bits, atol=1e-6)


@given(case=possible_cases())
def test_only_what_is_open_is_suggested(case: dx.Diagnosis) -> None:
    """Nothing observed or UNKNOWN comes again; every other finding comes once."""
    open_ = [name for name in case.model.findings if name not in case.findings]
    revealed = [name for s in dx.next_tests(case).suggestions for name in s.option.variables]
    assert sorted(revealed) == sorted(open_)


def flagship(findings: dict[str, object]) -> dx.Diagnosis:
    return dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), findings)


def test_emergencies_come_first_whatever_they_cost() -> None:
    """While an emergency step is called for, what bears on its cause is ranked first and says why."""
    model = in_time(dx.load_model("hip_flexion_weakness@1.0.0"), mri_lumbar=4.0)
    case = dx.diagnose(model, {"onset": "sudden", "bladder_bowel_dysfunction": "present"})
    following = dx.next_tests(case)
    assert following.emergencies[0].cause == "cauda_equina_syndrome"
    urgent = [s.emergency for s in following.suggestions]
    assert urgent[0]
    assert urgent == sorted(urgent, key=lambda name: not name)
    assert following.suggestions[0].option.name == "mri_lumbar"
    assert following.suggestions[0].why.startswith("confirms or excludes Cauda equina syndrome, in 4 h (")
    assert "emg" not in [s.option.name for s in following.suggestions if s.emergency]  # two weeks are too late
    assert "EMERGENCY: Cauda equina syndrome has a probability of" in str(following)
    assert following.stop is False
    assert following.stop_reason.startswith("Do not stop: Cauda equina syndrome")
    costly = dx.next_tests(case, trade_off=dx.types.TradeOff(eur_per_bit=0, eur_per_patient=0, eur_per_hour=1e6))
    assert costly.suggestions[0].option.name == "mri_lumbar"


def test_what_comes_too_late_is_no_test_of_an_emergency() -> None:
    """A lumbar MRI in three days confirms nothing tonight: it is ranked by its net value; a question only asks."""
    late = dx.next_tests(flagship({"onset": "sudden", "bladder_bowel_dysfunction": "present"}))
    assert {s.option.name: s.emergency for s in late.suggestions}["mri_lumbar"] == ""
    assert late.suggestions[0].emergency
    for s in late.suggestions:
        if s.emergency:
            label, does = late.case.model.label(s.emergency), late.purpose(s)
            word = {"history": "asks about", "examination": "looks for", "test": "confirms or excludes"}[s.option.kind]
            assert does.startswith(f"{word} {label}")
            assert s.option.soonest_hours <= EMERGENCY_HOURS


def test_without_an_emergency_net_value_ranks() -> None:
    """Net value falls from line to line; it is what the trade-off says."""
    following = dx.next_tests(flagship({"onset": "gradual", "severe_pain": "absent", "fever": "absent"}))
    assert following.emergencies == ()
    values = following.table["net_value_eur"].tolist()
    assert values == sorted(values, reverse=True)
    price = following.trade_off
    for s in following.suggestions:
        assert_allclose(s.net_value_eur, net_value(s.option, s.bits, s.benefit, price))
    option = Option("t", "T", "test", ("a",), cost_eur=10, delay_hours=2, burden=0.5, risk=0.001)
    assert_allclose(net_value(option, 1.0, 0.1, price), 300 + 100 - 10 - 1 - 50 - 20)


def test_in_an_emergency_delays_are_those_of_an_emergency() -> None:
    """A scan that is called for day or night takes four hours, not three days; its net value counts these."""
    following = dx.next_tests(
        dx.diagnose(dx.load_model("hip_flexion_weakness@2.3.0"), {"saddle_anaesthesia": "present"})
    )
    scan = next(s for s in following.suggestions if s.option.name == "mri_lumbar")
    assert (scan.emergency, scan.option.delay_hours, scan.delay_hours) == ("cauda_equina_syndrome", 72.0, 4.0)
    assert following.table.loc["mri_lumbar", "delay_hours"] == 4.0
    for s in following.suggestions:
        assert s.delay_hours == (s.option.soonest_hours if s.emergency else s.option.delay_hours)
        sooner = dataclasses.replace(s.option, delay_hours=s.delay_hours)
        assert_allclose(s.net_value_eur, net_value(sooner, s.bits, s.benefit, following.trade_off))


def test_a_pair_starts_with_its_better_half() -> None:
    """First A, then B is worth as much as first B, then A: what is worth more by itself is ranked first."""
    for links in ([0.6, 0.9], [0.9, 0.6]):
        case = dx.diagnose(naive_model([0.1, 0.1], links))
        one, other = dx.next_tests(case, look_ahead=2).suggestions
        assert one.rank_value == pytest.approx(other.rank_value, abs=1e-9)
        assert (one.second, other.second) == (other.option.name, one.option.name)
        assert one.net_value_eur > other.net_value_eur


def test_focus_on_one_cause() -> None:
    """Rule in counts results that raise the cause, rule out those that lower it."""
    case = flagship({"onset": "gradual", "fever": "absent"})
    rule_in = dx.next_tests(case, rule_in="hip_osteoarthritis")
    rule_out = dx.next_tests(case, rule_out="hip_osteoarthritis")
    assert rule_in.target.name == rule_out.target.name == "hip_osteoarthritis"
    free = dx.types.TradeOff(eur_per_patient=0, eur_per_hour=0, eur_per_burden=0, eur_per_harm=0)
    for focus, column in (("rule_in", "bits_rule_in"), ("rule_out", "bits_rule_out")):
        ranked = dx.next_tests(case, trade_off=free, only=["limited_hip_rotation", "fever", "pain_groin", "emg"],
                               **{focus: "hip_osteoarthritis"}).suggestions  # fmt: skip
        names = [s.option.name for s in ranked if s.option.cost_eur == 0]
        assert "fever" not in names
        bits = [getattr(s, column) for s in ranked if s.option.cost_eur == 0]
        assert bits == sorted(bits, reverse=True)


def test_stopping() -> None:
    """When nothing open can change a decision it is reasonable to stop, and everything looked for is said."""
    step = ManagementStep("c", 1, "routine", "Do", "", "S", "expert", 0.9, "S", "expert")
    model = naive_model([0.1, 0.1], [0.11, 0.12], management=[step])
    following = dx.next_tests(dx.diagnose(model))
    assert following.stop
    assert following.stop_reason == (
        "It is reasonable to stop: nothing open changes a decision with a probability above 5.0 %."
    )
    assert following.same_decision_probability(copies=50) == (1.0, 0.0)
    done = dx.next_tests(dx.diagnose(model, {"f0": "no", "f1": dx.UNKNOWN}))
    assert done.suggestions == ()
    assert done.stop_reason == "Everything that the model knows of has been looked for."
    assert done.table.empty
    assert "Everything" in str(done)


def test_a_model_without_steps_of_care_never_says_that_it_is_reasonable_to_stop() -> None:
    """It knows no decision that could change, so that none does is no reason."""
    following = dx.next_tests(dx.diagnose(naive_model([0.1, 0.1], [0.11, 0.12])))
    assert max(suggestion.decision_change for suggestion in following.suggestions) == 0
    assert not following.stop
    assert following.stop_reason == (
        "Whether to stop is not judged: this model has no steps of care, so no decision can change."
    )


def test_same_decision_probability_equals_the_enumeration() -> None:
    """The sampled probability lies within five standard errors of that over all joint results."""
    step = ManagementStep("c", 1, "routine", "Do", "", "S", "expert", 0.3, "S", "expert")
    case = dx.diagnose(naive_model([0.1, 0.2, 0.3], [0.8, 0.7, 0.4], prior=0.25, management=[step]))
    everything = Brute(case, ("f0", "f1", "f2"))
    now = everything.decisions(everything.joint)
    expected = math.fsum(p for p, w in everything.results if everything.decisions(w) == now)
    found, error = dx.next_tests(case).same_decision_probability(copies=2000, seed=1)
    assert abs(found - expected) <= 5 * error
    assert 0 < error < 0.02


def test_partly_known_tests_reveal_the_rest() -> None:
    """A test of which a part is known reveals what is left; one that is known altogether is gone."""
    test = Test("scan", "Scan", ("f0", "f1"), 100, 10, 0.1, 0.001, "S", "expert")
    model = naive_model([0.1, 0.2, 0.3], [0.8, 0.7, 0.4], tests=[test], kind="test")
    assert [o.variables for o in open_options(dx.diagnose(model))] == [("f0", "f1"), ("f2",)]
    assert [o.variables for o in open_options(dx.diagnose(model, {"f1": "no"}))] == [("f0",), ("f2",)]
    assert [o.name for o in open_options(dx.diagnose(model, {"f0": "no", "f1": dx.UNKNOWN}))] == ["f2"]


def test_information_one_cause_at_a_time_where_the_joint_is_too_large() -> None:
    """Of fifteen causes bits are the sum over the causes, and the result says so."""
    assert dx.next_tests(flagship({"onset": "sudden"})).about == "the causes together"
    single = naive_model([0.1, 0.2], [0.8, 0.7])
    cause, prior, link = single.variables[0], single.priors[0], single.links[1]
    names = [f"c{number}" for number in range(14)]
    model = dataclasses.replace(
        single,
        variables=(*(dataclasses.replace(cause, variable=name) for name in names), *single.variables),
        priors=(prior, *(dataclasses.replace(prior, variable=name) for name in names)),
        links=(*single.links, *(dataclasses.replace(link, parent=name) for name in names)),
    )
    case = dx.diagnose(model, {"f1": "yes"})
    apart = dx.next_tests(case)
    assert apart.about == "the causes one by one, added up"
    single = sum(dx.next_tests(case, target=cause).table["bits_target"] for cause in case.model.causes)
    assert_allclose(apart.table["bits"].sort_index(), single.sort_index(), atol=1e-9)


def test_messages() -> None:
    """Whatever cannot be asked is refused with a sentence."""
    case = flagship({"onset": "sudden"})
    for arguments, sentence in (
        ({"rule_in": "iliopsoas_strain", "rule_out": "iliopsoas_strain"}, "give rule_in or rule_out, not both."),
        ({"look_ahead": 3}, "look_ahead = 3; expected 1 or 2."),
        ({"only": ["mri_lumber"]}, "'mri_lumber' is no finding and no test. Did you mean 'mri_lumbar'?"),
    ):
        with pytest.raises(dx.FindingsError) as caught:
            dx.next_tests(case, **arguments)
        assert str(caught.value) == f"next_tests: {sentence}"
    many = tuple(f"f{i}" for i in range(15))
    test = Test("scan", "Scan", many, 0, 0, 0, 0, "S", "expert")
    large = dx.diagnose(naive_model([0.1] * 15, [0.5] * 15, tests=[test]))
    with pytest.raises(
        dx.TooLargeError, match="have 32768 joint results, more than 16384; name other options with only="
    ):
        dx.next_tests(large)


def test_simulated_patients_follow_the_model() -> None:
    """Marginals of simulated patients, and of completions of a case, are those of the engine."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    network = compile_network(model)
    codes = simulate(network, 20000, seed=5)
    engine = Engine(network)
    prior = engine.propagate(Evidence(np.full((1, len(network)), -1)), targets=network.names).marginals
    for name in network.names:
        shares = np.bincount(codes[:, network.index[name]], minlength=len(prior[name][0])) / len(codes)
        assert_allclose(shares, prior[name][0], atol=0.02)
    case = flagship({"onset": "sudden", "fever": {"present": 0.9, "absent": 0.1}})
    names = ["pain_groin", "iliopsoas_strain", "xray_hip"]
    filled = complete(engine, case.evidence.evidence, names, 4000, seed=2)
    after = engine.propagate(case.evidence.evidence, targets=names).marginals
    for name in names:
        assert_allclose((filled.codes[:, network.index[name]] == 1).mean(), after[name][0, 1], atol=0.04)
    both = (filled.codes[:, network.index["pain_groin"]] == 1) & (
        filled.codes[:, network.index["iliopsoas_strain"]] == 1
    )
    _, joint = engine.joint(case.evidence.evidence, ["pain_groin", "iliopsoas_strain"])
    assert_allclose(both.mean(), joint[0, 1, 1], atol=0.04)
