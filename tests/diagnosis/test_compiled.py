"""A model is compiled once, whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import bayesdx as dx
from bayesdx.cohort.coding import lexicon
from bayesdx.diagnosis.compiled import Compiled, compiled
from tests.knowledge.example import FOLDER


def test_the_same_content_compiles_once() -> None:
    """A model is a value: equal models share network, engine and lexicon; another population has its own."""
    one, same = (dx.load_model(FOLDER, population="town") for _ in range(2))
    assert compiled(one) is compiled(same)
    assert compiled(one).engine.network is compiled(same).network
    assert lexicon(one) is lexicon(same)
    assert compiled(one.with_population("country")).network is not compiled(one).network


def test_threads_share_what_is_kept() -> None:
    """Threads that ask at the same time get one object, made once."""
    calls = []

    def make(ready: Compiled) -> object:
        calls.append(ready)
        return object()

    ready = Compiled(dx.load_model(FOLDER))
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: id(ready.kept(make)), range(64)))
    assert len(found) == len(calls) == 1
