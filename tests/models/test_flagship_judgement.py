"""2.2.1: a judged number is right within a factor of four of its odds; nothing else moves."""

import pytest

from bayesdx.diagnosis.compiled import compiled
from tests.models.versions import RULES, V2_2_1


def rows(model):
    """The rows of numbers: prior, link and table rows in one list."""
    return [*model.priors, *model.links, *model.tables]


def odds(probability):
    return probability / (1 - probability)


@pytest.mark.parametrize(
    ("value", "lower", "upper", "wanted"),
    [
        (0.0005, 9.6e-216, 0.0014, (0.00013, 0.002)),
        (0.0001, 2.2e-308, 0.0001, (2.5e-05, 0.0004)),
        (0.1, 0.0078, 0.29, (0.027, 0.31)),
        (0.5, 0.26, 0.74, (0.26, 0.74)),  # of rule 4, narrower than the factor
        (0.06, 0.01, 0.2, (0.01, 0.2)),  # judged with its number
    ],
)
def test_an_interval_of_rule_4_ends_at_a_factor_of_four(value, lower, upper, wanted):
    row = {"value": str(value), "lower": str(lower), "upper": str(upper), "status": "expert"}
    told = RULES["judged"](row, 4.0)
    assert (float(told["lower"]), float(told["upper"])) == wanted


def test_a_published_number_keeps_its_interval():
    row = {"value": "0.0005", "lower": "9.6e-216", "upper": "0.0014", "status": "verified"}
    assert RULES["judged"](row, 4.0) is row


def test_only_intervals_of_judged_numbers_move():
    """2.2.0 is not in the tree; its derivation gives the content whose hash 2.2.1 names as its parent."""
    parent, child = RULES["version_of"]("1.0.0", "2.0.0", "2.1.0", "2.2.0"), V2_2_1.model
    assert child.info.parent_hash == parent.hash
    before, after = compiled(parent).parameters, compiled(child).parameters
    assert [(p.file, p.key, p.value) for p in before] == [(p.file, p.key, p.value) for p in after]
    moved = {new.status for old, new in zip(rows(parent), rows(child), strict=True) if old != new}
    assert moved == {"expert"}


def test_no_rare_judged_number_is_held_to_be_impossible():
    """The lower end of a number that stands as it was judged is at most a factor of four and a rounding away."""
    own = [row for row in V2_2_1.model.priors if row.status == "expert"]
    assert own
    assert all(odds(row.lower) > odds(row.probability) / 4.3 for row in own)
    assert all(row.lower < row.probability < row.upper for row in own)
