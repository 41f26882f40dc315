"""The k most probable configurations of some variables, without a table over all of them.

One pass up a junction tree. Where sum-product sends a number per cell of a separator, this sends a short list per cell:
the best ways to fill in the variables asked for below it. Variables that are not asked for are summed out; as long as
some of them lie in a separator, an entry of a list is a vector over their states, and one entry makes another
superfluous only where it is at least as large in every state. A list that is too long is cut to the entries with the
largest upper bounds; the answer counts only if nothing that was cut could have come among the k best, else the lists
are made longer.

References
----------
B. Seroussi, J. Golmard (1994), "An algorithm directly finding the K most probable configurations in Bayesian networks",
Int. J. Approx. Reason. 11; D. Nilsson (1998), "An efficient algorithm for finding the M most probable configurations in
probabilistic expert systems", Stat. Comput. 8; C. de Campos (2011), "New complexity results for MAP in Bayesian
networks", IJCAI (vectors, and when one makes another superfluous); J. Park, A. Darwiche (2003), "Solving MAP exactly
using systematic search", UAI (the upper bound: sums and maxima in any order).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.errors import TooLargeError, rounded
from bayesdx.inference.tree import JunctionTree, cell_of

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Index = NDArray[np.intp]

TIE = 1e-12
"""Probabilities closer than this, relatively, count as equal."""

SHORT = 12
"""Lists of vectors with at most so many entries are not searched for superfluous ones."""

FIRST_LOOK = 16
"""Groups of hidden states. Two vectors are compared by the sums over these first, which settles most pairs."""

WORD_BITS = 62
"""Bits of a word in which the codes of an entry are packed."""

CHUNK = 2**22
"""Numbers that one step works on at a time."""

_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class Configurations:
    """The most probable configurations of some variables, highest probability first; unpacks to codes, probabilities.

    Parameters
    ----------
    variables : tuple of str
    states : tuple of tuple of str
        Names of the states of each variable.
    codes : ndarray of int, shape (n, n_variables)
    probabilities : ndarray, shape (n,)
        P(configuration | evidence).

    Examples
    --------
    >>> import bayesdx as dx
    >>> found = dx.Engine(dx.load_model("chest_clinic@1.0.0")).most_probable({"xray": "positive"}, ["smoking"], 2)
    >>> codes, probabilities = found
    >>> found.frame.round(3)
      smoking  probability
    0     yes        0.688
    1      no        0.312
    """

    variables: tuple[str, ...]
    states: tuple[tuple[str, ...], ...]
    codes: Codes
    probabilities: Array

    def __iter__(self) -> Iterator[NDArray[np.int64] | Array]:
        return iter((self.codes, self.probabilities))

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def frame(self) -> pd.DataFrame:
        """A column of states per variable, and ``probability``; a row per configuration.

        Examples
        --------
        >>> Configurations(("coin",), (("heads", "tails"),), np.array([[1]]), np.array([0.6])).frame
            coin  probability
        0  tails          0.6
        """
        columns = {
            name: np.array(states, dtype=object)[self.codes[:, place]]
            for place, (name, states) in enumerate(zip(self.variables, self.states, strict=True))
        }
        frame = pd.DataFrame(columns, index=range(len(self)))
        frame.insert(len(columns), "probability", self.probabilities, allow_duplicates=True)
        return frame


def largest_cells(joint: Array, k: int) -> tuple[Codes, Array]:
    """The ``k`` most probable cells of ``joint``, highest first; equal ones by their codes, lowest first.

    Parameters
    ----------
    joint : ndarray, shape (*cardinalities)
    k : int, at least 1

    Returns
    -------
    codes : ndarray of int, shape (min(k, cells), n_variables)
    probabilities : ndarray, shape (min(k, cells),)

    Examples
    --------
    >>> codes, probabilities = largest_cells(np.array([[0.1, 0.4], [0.4, 0.1]]), 2)
    >>> codes.tolist()
    [[0, 1], [1, 0]]
    """
    flat = joint.reshape(-1)
    k = min(k, flat.size)
    least = np.partition(flat, flat.size - k)[flat.size - k]
    near = np.flatnonzero(flat >= least * (1 - TIE))
    near = near[np.argsort(-flat[near], kind="stable")]
    values = flat[near]
    rank = np.concatenate([[0], np.cumsum(values[1:] < values[:-1] * (1 - TIE))])
    chosen = near[np.lexsort((near, rank))][:k]
    codes = np.stack(np.unravel_index(chosen, joint.shape), axis=-1) if joint.ndim else np.zeros((k, 0))
    return codes.astype(np.int64), flat[chosen]


def in_order(logs: Array, codes: NDArray[np.int64], gap: float = TIE) -> Index:
    """Largest first, those that differ by less than ``gap`` by their codes, lowest first; shapes (n,), (n, any)."""
    order = np.argsort(-logs, kind="stable")
    falls = np.diff(logs[order]) < -gap
    rank = np.concatenate([np.zeros(min(1, len(order)), dtype=np.intp), np.cumsum(falls)])
    return np.asarray(order[np.lexsort((*codes[order].T[::-1], rank))])


def with_impossible(codes: Codes, logs: Array, cards: Sequence[int], k: int) -> tuple[Codes, Array]:
    """Where fewer than ``k`` configurations are possible, impossible ones by their codes after them."""
    missing = k - len(codes)
    if missing <= 0:
        return codes, logs
    known = {tuple(row) for row in codes.tolist()}
    others = (row for row in itertools.product(*(range(card) for card in cards)) if row not in known)
    added = list(itertools.islice(others, missing))
    more = np.array(added, dtype=np.int64).reshape(len(added), len(cards))
    return np.concatenate([codes, more]), np.concatenate([logs, np.full(len(added), -np.inf)])


class Packing:
    """The codes of a configuration in a few whole numbers, whose order is the order of configurations.

    Every variable has bits of its own, so that the codes of disjoint parts add up.

    Parameters
    ----------
    variables : sequence of int
        In the order in which they rank configurations.
    cards : sequence of int
        Number of states of every variable of the network.
    """

    def __init__(self, variables: Sequence[int], cards: Sequence[int]) -> None:
        self.place: dict[int, tuple[int, int]] = {}
        word, used = 0, 0
        shifts = []
        for v in variables:
            bits = max(1, (cards[v] - 1).bit_length())
            if used + bits > WORD_BITS:
                word, used = word + 1, 0
            used += bits
            shifts.append((v, word, used))
        for v, at, end in shifts:
            self.place[v] = at, WORD_BITS - end
        self.words = word + 1
        self._cards = cards

    def of(self, variables: Sequence[int]) -> NDArray[np.int64]:
        """The packed codes of every configuration of some variables, shape (n_configurations, n_words)."""
        sizes = [self._cards[v] for v in variables]
        packed = np.zeros((math.prod(sizes), self.words), dtype=np.int64)
        if variables:
            for v, digits in zip(variables, np.indices(sizes).reshape(len(sizes), -1), strict=True):
                word, shift = self.place[v]
                packed[:, word] += digits << shift
        return packed

    def unpacked(self, words: NDArray[np.int64], v: int) -> Codes:
        """The codes of one variable, shape (n,)."""
        word, shift = self.place[v]
        return (words[:, word] >> shift) & ((1 << max(1, (self._cards[v] - 1).bit_length())) - 1)


@dataclass(frozen=True, eq=False)
class Vectors:
    """A list of entries for each cell of a separator; entries of zeros fill up the shorter lists.

    Parameters
    ----------
    values : ndarray, shape (n_cells, n_entries, n_hidden)
        A vector over the states of the variables that are still to be summed out.
    powers : ndarray of int, shape (n_cells, n_entries)
        The power of 2 by which the vector is to be multiplied.
    words : ndarray of int, shape (n_cells, n_entries, n_words)
        Packed codes of what was filled in.
    """

    values: Array
    powers: NDArray[np.int64]
    words: NDArray[np.int64]

    def take(self, order: Index) -> Vectors:
        """Some entries of each cell, ``order`` of shape (n_cells, n_taken)."""
        rows = np.arange(len(order))[:, None]
        return Vectors(self.values[rows, order], self.powers[rows, order], self.words[rows, order])

    def part(self, cells: slice) -> Vectors:
        """The entries of some cells."""
        return Vectors(self.values[cells], self.powers[cells], self.words[cells])

    def logs(self) -> Array:
        """Logarithms to base 2, up to a constant for each cell, shape of ``values``."""
        top = self.powers.max(axis=1, keepdims=True, where=self.values.any(axis=2), initial=-(2**40))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log2(self.values) + (self.powers - top)[..., None])

    def normalised(self) -> Vectors:
        """The same with the largest number of each vector between a half and 1."""
        _, power = np.frexp(self.values.max(axis=2))
        return Vectors(np.ldexp(self.values, -power[..., None]), self.powers + power, self.words)


def _joined(parts: Sequence[Vectors]) -> Vectors:
    """Entries of successive cells, the shorter lists filled up with zeros."""
    if len(parts) == 1:
        return parts[0]
    most = max(part.powers.shape[1] for part in parts)
    filled = []
    for part in parts:
        lacking = ((0, 0), (0, most - part.powers.shape[1]))
        values = np.pad(part.values, (*lacking, (0, 0)))
        filled.append((values, np.pad(part.powers, lacking), np.pad(part.words, (*lacking, (0, 0)))))
    values, powers, words = (np.concatenate(column) for column in zip(*filled, strict=True))
    return Vectors(values, powers, words)


@dataclass(frozen=True, eq=False)
class _Layout:
    """How a clique's cells are arranged: asked variables, then hidden ones; of each, those in the separator come first.

    Variables in the separator are kept in the message, the others are going: they are filled in or summed out here.

    Parameters
    ----------
    asked, hidden : tuple of int
    sizes : tuple of int
        Cells over the asked variables kept and going, and over the hidden ones kept and going.
    table : ndarray, shape (asked cells, hidden cells)
    words : ndarray of int, shape (cells of the asked variables that go, n_words)
    children : tuple of int
    cells, states : tuple of ndarray of int
        Per child, the cell and the hidden state of its message that belongs to each cell and state of the clique.
    """

    asked: tuple[int, ...]
    hidden: tuple[int, ...]
    sizes: tuple[int, int, int, int]
    table: Array
    words: NDArray[np.int64]
    children: tuple[int, ...]
    cells: tuple[Index, ...]
    states: tuple[Index, ...]


class Search:
    """The k best configurations of the asked variables of one junction tree.

    Parameters
    ----------
    tree : JunctionTree
    tables : sequence of ndarray, each of shape (n_cells,)
        Product of everything that enters each clique, evidence too.
    asked : sequence of int
        Variables of the tree whose configurations are ranked, in the order of their codes; the others are summed out.
    k : int, at least 1
    memory_limit : int
        Bytes that the lists of one clique may take.
    widths : sequence of int
        Greatest lengths of a list, tried in this order.
    """

    def __init__(
        self,
        tree: JunctionTree,
        tables: Sequence[Array],
        asked: Sequence[int],
        k: int,
        memory_limit: int,
        widths: Sequence[int],
    ) -> None:
        self._tree = tree
        self._asked = tuple(asked)
        self._k = k
        self._memory_limit = memory_limit
        self._widths = tuple(max(width, 2 * k) for width in widths)
        self._packing = Packing(asked, tree.cards)
        self._layouts = self._arranged(tables)
        self._roots = [place for place, parent in enumerate(tree.parents) if parent < 0]
        self._floor, self._width, self._cut = -np.inf, 0, -np.inf

    def run(self) -> tuple[Codes, Array]:
        """Codes, shape (at most k, n_asked), and natural logarithms of the weights; impossible ones are left out.

        Raises
        ------
        TooLargeError
            The lists do not fit the memory, or the longest ones are too short to be sure.
        """
        for width in self._widths:
            self._width = width
            self._cut = -np.inf
            root = self._up()
            codes, logs = self._ranked(root)
            least = logs[-1] if len(logs) == self._k else -np.inf
            if self._cut == -np.inf or self._cut < least - _SLACK:
                return codes, logs * math.log(2)
            self._floor = max(self._floor, least)
        raise TooLargeError(
            f"most_probable: more than {self._width} ways to fill in a part of {len(self._asked)} variables may be "
            "among the best. Ask for fewer variables or a smaller k, or observe more."
        )

    def _ranked(self, entries: Vectors) -> tuple[Codes, Array]:
        """The k best of the last list in their order; logarithms to base 2."""
        possible = np.flatnonzero(entries.values[0, :, 0])
        words = entries.words[0, possible]
        logs = np.log2(entries.values[0, possible, 0]) + entries.powers[0, possible]
        order = in_order(logs, words, TIE / math.log(2))[: self._k]
        codes = np.zeros((len(order), len(self._asked)), dtype=np.int64)
        for place, v in enumerate(self._asked):
            codes[:, place] = self._packing.unpacked(words[order], v)
        return codes, np.asarray(logs[order])

    def _arranged(self, tables: Sequence[Array]) -> list[_Layout]:
        tree, cards, chosen = self._tree, self._tree.cards, frozenset(self._asked)
        children: list[list[int]] = [[] for _ in tree.cliques]
        for place, parent in enumerate(tree.parents):
            if parent >= 0:
                children[parent].append(place)
        layouts: list[_Layout] = []
        for place, clique in enumerate(tree.cliques):
            kept = frozenset(tree.separators[place])
            parts = [
                [v for v in clique if (v in chosen) == is_asked and (v in kept) == is_kept]
                for is_asked, is_kept in ((True, True), (True, False), (False, True), (False, False))
            ]
            sizes = [math.prod(cards[v] for v in part) for part in parts]
            order = [v for part in parts for v in part]
            asked, hidden = (*parts[0], *parts[1]), (*parts[2], *parts[3])
            table = tables[place].reshape([cards[v] for v in clique]).transpose([clique.index(v) for v in order])
            below = children[place]
            kept_below = [tree.separators[child] for child in below]
            layouts.append(
                _Layout(
                    asked,
                    hidden,
                    (sizes[0], sizes[1], sizes[2], sizes[3]),
                    np.ascontiguousarray(table).reshape(sizes[0] * sizes[1], -1),
                    self._packing.of(parts[1]),
                    tuple(below),
                    tuple(cell_of(asked, [v for v in kept if v in chosen], cards) for kept in kept_below),
                    tuple(cell_of(hidden, [v for v in kept if v not in chosen], cards) for kept in kept_below),
                )
            )
        return layouts

    def _up(self) -> Vectors:
        """The list of the whole tree, one cell and no hidden variable."""
        messages: dict[int, Vectors] = {}
        for place in range(len(self._layouts)):
            messages[place] = self._message(place, messages)
        return self._together([messages[root] for root in self._roots])

    def _message(self, place: int, messages: dict[int, Vectors]) -> Vectors:
        """The message of a clique: a list for each cell of its separator."""
        layout = self._layouts[place]
        n, width = len(layout.table), self._packing.words
        entries = Vectors(
            layout.table[:, None, :], np.zeros((n, 1), dtype=np.int64), np.zeros((n, 1, width), dtype=np.int64)
        )
        for number, child in enumerate(layout.children):
            message = messages.pop(child)
            last = number + 1 == len(layout.children)
            entries = self._times(entries, message, layout.cells[number], layout.states[number], place, number, last)
        kept, going, states, summed = layout.sizes
        values = entries.values
        if summed > 1:
            values = values.reshape(*values.shape[:2], states, summed).sum(axis=3)
        words = entries.words.reshape(kept, going, -1, width)
        if going > 1 or layout.words.any():
            words = words + layout.words[None, :, None, :]
        found = Vectors(
            values.reshape(kept, -1, states), entries.powers.reshape(kept, -1), words.reshape(kept, -1, width)
        )
        return (self._pruned(found, place, None) if found.powers.shape[1] > 1 else found).normalised()

    def _times(
        self, entries: Vectors, message: Vectors, cells: Index, states: Index, place: int, number: int, last: bool
    ) -> Vectors:
        """Every entry times every entry of a child's message, cut to what may be among the best."""
        n, mine, hidden = entries.values.shape
        theirs = message.powers.shape[1]
        width = hidden + self._packing.words + 1
        step = max(1, CHUNK // (mine * theirs * width))
        if 8 * n * max(mine, theirs) * width > self._memory_limit or 8 * mine * theirs * width > self._memory_limit:
            raise TooLargeError(
                f"most_probable: a clique of {rounded(n * hidden)} cells needs more than the memory limit of "
                f"{rounded(self._memory_limit, 10**9)} GB. Observe more variables; with dx.Engine, raise memory_limit."
            )
        found = []
        for start in range(0, n, step):
            here = slice(start, start + step)
            few = entries.part(here)
            at = cells[here]
            other = message.values[at]
            if len(states) != message.values.shape[2] or len(states) > 1:
                other = other[:, :, states]
            values = few.values[:, :, None, :] * other[:, None, :, :]
            powers = few.powers[:, :, None] + message.powers[at][:, None, :]
            words = few.words[:, :, None, :] + message.words[at][:, None, :, :]
            size = len(at)
            product = Vectors(
                values.reshape(size, -1, hidden), powers.reshape(size, -1), words.reshape(size, mine * theirs, -1)
            )
            grown = min(mine, theirs) > 1 and not (last and step >= n)
            found.append(self._pruned(product, place, number, here).normalised() if grown else product)
        return _joined(found)

    def _together(self, lists: list[Vectors]) -> Vectors:
        """The list of independent parts of the network together, joined in pairs."""
        blank = np.zeros((1, 1), dtype=np.int64)
        nothing = Vectors(np.ones((1, 1, 1)), blank, np.zeros((1, 1, self._packing.words), dtype=np.int64))
        lists = lists or [nothing]
        while len(lists) > 1:
            if len(lists) % 2:
                lists = [*lists, nothing]
            every = _joined(lists)
            first, second = every.part(slice(0, None, 2)), every.part(slice(1, None, 2))
            values = first.values[:, :, None] * second.values[:, None]
            powers = first.powers[:, :, None] + second.powers[:, None]
            words = first.words[:, :, None] + second.words[:, None]
            half = len(values)
            most = values.shape[1] * values.shape[2]
            product = Vectors(values.reshape(half, most, 1), powers.reshape(half, most), words.reshape(half, most, -1))
            pruned = self._pruned(product, -1, None).normalised()
            lists = [pruned.part(slice(row, row + 1)) for row in range(half)]
        return lists[0]

    def _pruned(self, entries: Vectors, place: int, number: int | None, cells: slice = slice(None)) -> Vectors:
        """Entries that may be among the k best, whatever is filled in elsewhere."""
        _, count, hidden = entries.values.shape
        if count <= (self._k if hidden == 1 else max(self._k, SHORT)):
            return entries
        if hidden == 1:
            return entries.take(_largest(entries, self._k))
        most = self._widths[-1]
        if count > most:
            entries = self._narrowed(entries, place, number, cells, most)
        left = entries.values.any(axis=2)
        left &= _dominators(entries) < self._k
        entries = _compressed(entries, left)
        return self._narrowed(entries, place, number, cells, self._width)

    def _narrowed(self, entries: Vectors, place: int, number: int | None, cells: slice, most: int) -> Vectors:
        """The ``most`` entries of each cell with the largest upper bounds; what is cut is remembered."""
        count = entries.powers.shape[1]
        if count <= most and self._floor == -np.inf:
            return entries
        bound, power = self._bound(place, number)
        with np.errstate(divide="ignore"):
            score = np.log2(np.einsum("nmd,nd->nm", entries.values, bound[cells])) + entries.powers + power
        hopeless = score < self._floor - _SLACK
        entries = Vectors(np.where(hopeless[..., None], 0.0, entries.values), entries.powers, entries.words)
        score = np.where(hopeless, -np.inf, score)
        order = np.argsort(-score, axis=1, kind="stable")
        if count > most:
            self._cut = max(self._cut, float(np.take_along_axis(score, order[:, most:], axis=1).max()))
        longest = max(1, int((score > -np.inf).sum(axis=1).max()))
        return entries.take(order[:, : min(most, longest)])

    def _bound(self, place: int, number: int | None) -> tuple[Array, float]:
        """An upper bound on what is still to be multiplied in, and its power of 2.

        For each cell of a clique to which child ``number`` has been added; of its separator where that is None.
        """
        bounds = self._bounds
        if number is None:
            return bounds.outside[place]
        return bounds.ahead(place, number + 1)

    @cached_property
    def _bounds(self) -> _Bounds:
        return _Bounds(self._layouts, self._roots)


class _Bounds:
    """Upper bounds on the product of everything outside a part of the tree: maxima are taken before sums.

    Parameters
    ----------
    layouts : sequence of _Layout
    roots : sequence of int

    Attributes
    ----------
    outside : dict of clique to (ndarray, float)
        Per separator, shape (asked cells, hidden cells), and its power of 2.
    """

    def __init__(self, layouts: Sequence[_Layout], roots: Sequence[int]) -> None:
        self._layouts = layouts
        self._inside: list[tuple[Array, float]] = []
        for place, layout in enumerate(layouts):
            values, power = self._times_all(layout.table, 0.0, place, layout.children)
            kept, going, states, summed = layout.sizes
            values = values.reshape(kept, going, states, summed).sum(axis=3).max(axis=1)
            self._inside.append(_scaled(values, power))
        total = sum(self._log_of_root(root) for root in roots)
        self.outside: dict[int, tuple[Array, float]] = {}
        for root in roots:
            alone = self._log_of_root(root)
            self.outside[root] = np.ones((1, 1)), total - alone if total > -np.inf else 0.0
        for place in range(len(layouts) - 1, -1, -1):
            self._send_down(place)

    def _log_of_root(self, root: int) -> float:
        values, power = self._inside[root]
        return math.log2(float(values[0, 0])) + power if values[0, 0] > 0 else -math.inf

    def _message(self, place: int, number: int) -> tuple[Array, float]:
        """The bound from a child, over the cells of the clique."""
        layout = self._layouts[place]
        values, power = self._inside[layout.children[number]]
        return values[layout.cells[number]][:, layout.states[number]], power

    def _times_all(self, values: Array, power: float, place: int, children: Sequence[int]) -> tuple[Array, float]:
        layout = self._layouts[place]
        for child in children:
            other, more = self._message(place, layout.children.index(child))
            values, power = _scaled(values * other, power + more)
        return values, power

    def _spread_outside(self, place: int) -> tuple[Array, float]:
        kept, going, states, summed = self._layouts[place].sizes
        values, power = self.outside[place]
        full = np.broadcast_to(values[:, None, :, None], (kept, going, states, summed))
        return full.reshape(kept * going, states * summed), power

    def ahead(self, place: int, first: int) -> tuple[Array, float]:
        """What is outside a clique times the messages of its children from the ``first`` on."""
        values, power = self._spread_outside(place)
        return self._times_all(values, power, place, self._layouts[place].children[first:])

    def _send_down(self, place: int) -> None:
        layout = self._layouts[place]
        if not layout.children:
            return
        values, power = self._spread_outside(place)
        behind = [_scaled(values * layout.table, power)]
        for number in range(len(layout.children) - 1):
            other, more = self._message(place, number)
            behind.append(_scaled(behind[-1][0] * other, behind[-1][1] + more))
        ahead: tuple[Array, float] = np.ones((1, 1)), 0.0
        for number in range(len(layout.children) - 1, -1, -1):
            child = layout.children[number]
            product, more = behind.pop()
            product = np.broadcast_to(product * ahead[0], layout.table.shape)
            kept, states = self._layouts[child].sizes[0], self._layouts[child].sizes[2]
            summed = np.zeros((len(product), states))
            np.add.at(summed.T, layout.states[number], product.T)
            most = np.zeros((kept, states))
            np.maximum.at(most, layout.cells[number], summed)
            self.outside[child] = _scaled(most, more + ahead[1])
            other, more = self._message(place, number)
            ahead = _scaled(ahead[0] * other, ahead[1] + more)


def _scaled(values: Array, power: float) -> tuple[Array, float]:
    _, shift = math.frexp(float(values.max(initial=0.0)))
    return np.ldexp(values, -shift), power + shift


def _largest(entries: Vectors, k: int) -> Index:
    """Positions of the k largest entries of each cell, equal ones by their codes; shape (n_cells, k)."""
    score = entries.logs()[..., 0]
    count = score.shape[1]
    least = np.partition(score, count - k, axis=1)[:, count - k, None]
    gap = TIE / math.log(2)
    place = np.where(score > least + gap, 0, np.where(score >= least - gap, 1, 2))
    if (((place < 2).sum(axis=1) > k) & (least[:, 0] > -np.inf)).any():
        words = np.moveaxis(entries.words, 2, 0)
        return np.asarray(np.lexsort((*words[::-1], place), axis=1)[:, :k])
    return np.asarray(np.argsort(place, axis=1, kind="stable")[:, :k])


def _dominators(entries: Vectors) -> NDArray[np.intp]:
    """How many entries of its cell rank before each, whatever is filled in elsewhere; shape (n_cells, n_entries)."""
    n, count, hidden = entries.values.shape
    logs, gap = entries.logs(), TIE / math.log(2)
    words = np.moveaxis(entries.words, 2, 0)
    rank = np.argsort(np.lexsort(tuple(words[::-1]), axis=1), axis=1)
    few = _sums(logs)
    found = np.zeros((n, count), dtype=np.intp)
    step = max(1, CHUNK // (count * count * few.shape[2]))
    for start in range(0, n, step):
        here = slice(start, start + step)
        cell, one, other = np.nonzero((few[here, :, None, :] >= few[here, None, :, :] - gap).all(axis=3))
        for part in np.array_split(np.arange(len(cell)), -(-len(cell) * hidden // CHUNK)):
            at, first, second = cell[part] + start, one[part], other[part]
            mine, theirs = logs[at, first], logs[at, second]
            before = (mine >= theirs - gap).all(axis=1)
            above = ((mine > theirs + gap) | (theirs == -np.inf)).all(axis=1)
            before &= above | (rank[at, first] < rank[at, second])
            np.add.at(found, (at[before], second[before]), 1)
    return found


def _sums(logs: Array) -> Array:
    """Logarithms of sums over a few groups of hidden states; a vector that dominates another does so in each group."""
    hidden = logs.shape[2]
    if hidden <= 2 * FIRST_LOOK:
        return logs
    top = logs.max(axis=2, keepdims=True).max(axis=1, keepdims=True)
    values = np.exp2(logs - np.where(top > -np.inf, top, 0.0))
    starts = np.arange(0, hidden, -(-hidden // FIRST_LOOK))
    mixed = values[..., np.argsort(np.arange(hidden) % len(starts), kind="stable")]
    both = [np.add.reduceat(each, starts, axis=2) for each in (values, mixed)]
    with np.errstate(divide="ignore"):
        return np.asarray(np.log2(np.concatenate(both, axis=2)))


def _compressed(entries: Vectors, left: NDArray[np.bool_]) -> Vectors:
    """Only the entries that are ``left``, shape (n_cells, n_entries)."""
    if left.all():
        return entries
    longest = max(1, int(left.sum(axis=1).max()))
    order = np.argsort(~left, axis=1, kind="stable")[:, :longest]
    values = np.where(left[..., None], entries.values, 0.0)
    return Vectors(values, entries.powers, entries.words).take(order)
