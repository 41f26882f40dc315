"""One browser for all tests of the explorer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.explorer import browser as b


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """The browser. Every test has tabs of its own, which share neither cookies nor storage with those of others."""
    with b.launched() as browser:
        yield browser


@pytest.fixture
def opened(chromium: Any) -> Iterator[Any]:
    """Opens tabs; at the end none of them has seen an error or a request that leaves the machine."""
    tabs: list[b.Watched] = []

    def open_tab(**options: Any) -> b.Watched:
        tabs.append(b.Watched(chromium, **options))
        return tabs[-1]

    yield open_tab
    for tab in tabs:
        tab.context.close()
        assert tab.faults == []
