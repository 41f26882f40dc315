"""What people may type as findings: names, labels, synonyms, states and numbers, whole and damaged."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bayesdx as dx
from bayesdx.diagnosis.findings import read_findings

COUNT = 20_000
SIGNS = "aeiou st-_|=;,.'\"()/\\\u00e9\u00df\u0131\u202e\u200b\ufeff\n\t\0٣½²°µ=+@0123456789"


@pytest.fixture(scope="module")
def model() -> dx.Model:
    return dx.load_model("hip_flexion_weakness@2.3.0")


def damaged(rng: random.Random, text: str) -> str:
    """A few letters left out, doubled, swapped or put in; another case; another spelling."""
    signs = list(text)
    for _ in range(rng.randint(0, 3)):
        place = rng.randint(0, len(signs))
        what = rng.randint(0, 4)
        if what == 0 and signs:
            del signs[place % len(signs)]
        elif what == 1:
            signs.insert(place, rng.choice(SIGNS))
        elif what == 2 and len(signs) > 1:
            a, b = place % len(signs), (place + 1) % len(signs)
            signs[a], signs[b] = signs[b], signs[a]
        elif what == 3:
            signs = list("".join(signs).swapcase())
    return "".join(signs)


NUMBERS: tuple[Callable[[random.Random], Any], ...] = (
    lambda rng: rng.randint(-5, 150),
    lambda rng: rng.uniform(-50, 500),
    lambda rng: rng.choice([0, 1, 0.0, -0.0, 1e308, -1e308, 5e-324, float("inf"), float("nan"), 10**400, -(10**5000)]),
    lambda rng: rng.choice(
        [True, False, np.True_, np.int8(1), np.float32(38.5), np.float64("nan"), np.int64(-(2**63))]
    ),
    lambda rng: f"{rng.uniform(0, 120):.{rng.randint(0, 3)}f}",
    lambda rng: f"{rng.randint(0, 99)},{rng.randint(0, 99)}",
    lambda rng: f"{rng.choice(['<', '>=', 'under', '≥ ', '-'])}{rng.uniform(0, 120):g}{rng.choice(['', ' y', '+'])}",
    lambda rng: f"{rng.randint(0, 9)}{rng.choice(['-', ' to ', '+', '-/', 'to'])}{rng.choice([5, 80, '', 'x', 1e400])}",
    lambda rng: f"{rng.randint(0, 300)} {rng.choice(['mg/L', '°C', 'F', 'mL', 'years', '%', '/5', 'x'])}",
    lambda rng: rng.choice(["yes", "no", "True", "0", "1", "?", "", " ", "None", "nan", "9" * 5000, "1e999", "0x1f"]),
)


def value(rng: random.Random, words: list[str], depth: int = 0) -> Any:
    """A state, a label, a number, or something that no finding is."""
    kind = rng.randint(0, 9)
    if kind < 4:
        return damaged(rng, rng.choice(words))
    if kind < 7:
        return rng.choice(NUMBERS)(rng)
    if kind == 7 and depth < 3:
        return [value(rng, words, depth + 1) for _ in range(rng.randint(0, 3))]
    if kind == 8:
        return {damaged(rng, rng.choice(words)): rng.choice(NUMBERS)(rng) for _ in range(rng.randint(0, 3))}
    return rng.choice([None, dx.UNKNOWN, b"present", (), {}, object(), 1j, {"present"}, frozenset({1})])


def test_whatever_people_type_is_read_or_refused(model: dx.Model) -> None:
    """Twenty thousand findings: each is one of the model's states or one sentence; nothing else is raised."""
    rng = random.Random(20)
    names = [word for v in model.variables for word in (v.variable, v.label, *v.synonyms, *v.quantity)]
    words = [word for v in model.variables for s in v.states for word in (s, v.state_label(s))]
    words += ["yes", "no"] * 80  # what a word that names a state takes
    names += list(model.groups)
    read = 0
    for number in range(COUNT):
        typed = {damaged(rng, rng.choice(names)): value(rng, words) for _ in range(rng.choice((1, 1, 1, 2, 5)))}
        try:
            found = read_findings(model, typed)
        except dx.BayesdxError as error:
            assert all(line.startswith("findings: ") for line in str(error).splitlines()), (number, typed)
            continue
        except Exception as error:
            raise AssertionError(f"input {number}: {typed!r}"[:2000]) from error
        read += 1
        for name, given in found.values.items():
            states = model.by_name[name].states
            assert given is dx.UNKNOWN or set([given] if isinstance(given, str) else given) <= set(states)
    assert read > COUNT / 20, "the words are so damaged that nothing is read"


def test_any_words_can_be_looked_for(model: dx.Model) -> None:
    """Two thousand searches, some of them of a hundred thousand signs, end with variables of the model or none."""
    rng = random.Random(21)
    names = [word for v in model.variables for word in (v.label, *v.synonyms)]
    for number in range(2_000):
        words = " ".join(damaged(rng, rng.choice(names)) for _ in range(rng.randint(0, 4)))
        found = dx.find_variables(model, words * (5_000 if number % 500 == 0 else 1))
        assert len(found.matches) <= 10 or not words.strip()
