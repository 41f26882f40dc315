"""The engine: a network compiled once, then asked about any number of cases."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.errors import FindingsError, ImpossibleEvidenceError, NetworkError, TooLargeError, did_you_mean, rounded
from bayesdx.inference import noisy_or, two_layer
from bayesdx.inference.best import Configurations, largest_cells, with_impossible
from bayesdx.inference.dense import dense_tables
from bayesdx.inference.dense_backend import DenseBackend
from bayesdx.inference.encode import Observed, encode, index_of
from bayesdx.inference.evidence import Evidence, check_evidence
from bayesdx.inference.impossible import minimal_conflict
from bayesdx.inference.jt_backend import JunctionTreeBackend
from bayesdx.inference.kernels import Kernel, check_kernel, numba_installed, processors
from bayesdx.inference.mixture import Mixture, joined, mixture_of
from bayesdx.inference.parameter_draws import GateDraws, ParameterDraws, check_draws
from bayesdx.inference.plan import LEAST_DISEASES, Plan, is_two_layer, plan, roles
from bayesdx.inference.portable import portable
from bayesdx.inference.propagation import Family, GateFamily, Propagation
from bayesdx.inference.sizes import USUAL, Sizes
from bayesdx.network import Network, as_network
from bayesdx.network.network import arrays_of

Array = NDArray[np.float64]

MOST_MIXTURES = 256
"""Mixtures (see ``mixture``) that an engine remembers, one for each question about a large joint."""

SMALLEST_PROBABILITY = 1e-200
"""Networks with numbers above 0 and below this are refused: their products leave what a float can hold."""

BACKENDS = ("auto", "dense", "junction_tree", "noisy_or")

DEFAULT_MEMORY_LIMIT = 4 * 2**30
"""Bytes that one propagation may take unless the caller says otherwise."""


class Engine:
    """Exact posteriors of a discrete Bayesian network, for many cases at once.

    An engine does not change after construction (plans are cached behind a lock), so threads may share one.

    Parameters
    ----------
    network : Network or anything that ``bayesdx.network.as_network`` accepts
        A bayesdx network or model, or a pgmpy DiscreteBayesianNetwork.
    backend : {"auto", "dense", "junction_tree", "noisy_or"}
        "auto" follows the rule in ``Plan``; the others force a back end where the network allows it.
    memory_limit : int
        Bytes that one propagation may take.
    kernel : {"auto", "numpy", "numba"}
        "auto" takes numba where it is installed (extra ``fast``) and compiled, or the batch is worth compiling for (see
        ``Plan``); results agree to 1e-12.
    workers : int, optional
        Threads of compiled code in a large batch; as many as there are processors where left out.
    sizes : Sizes
        The sizes at which the engine changes its method; results do not depend on them.
    batches : int, at least 1
        How many batches of about equal size the caller will ask about, of this network or of others of its shape.
        ``kernel="auto"`` weighs the cost of compiling against all of them.

    Raises
    ------
    TooLargeError
        ``backend="dense"`` where no small joint of targets separates the network.
    NetworkError
        ``backend="noisy_or"`` where the network has not two layers of noisy-OR; a probability above 0 and below
        ``SMALLEST_PROBABILITY``.
    MissingExtraError
        ``kernel="numba"`` without numba.

    Examples
    --------
    >>> from bayesdx.network import Network, Node, NoisyMax, Table
    >>> rain = Node("rain", ("no", "yes"), (), Table([0.8, 0.2]))
    >>> wet = Node("wet", ("no", "yes"), ("rain",), NoisyMax([0.9, 0.1], ([[1, 0], [0.1, 0.9]],)))
    >>> engine = Engine(Network([rain, wet], targets=("rain",)))
    >>> frame = pd.DataFrame({"wet": ["yes", None]})
    >>> engine.marginals(frame)["rain"].round(3)
          no    yes
    0  0.305  0.695
    1  0.800  0.200
    """

    def __init__(
        self,
        network: object,
        *,
        backend: Literal["auto", "dense", "junction_tree", "noisy_or"] = "auto",
        memory_limit: int = DEFAULT_MEMORY_LIMIT,
        kernel: Kernel = "auto",
        workers: int | None = None,
        sizes: Sizes = USUAL,
        batches: int = 1,
    ) -> None:
        self._network = network if isinstance(network, Network) else as_network(network)
        _check_numbers(self._network)
        check_kernel(kernel)
        threads = processors() if workers is None else workers
        if threads < 1:
            raise ValueError(f"workers: {workers}; expected at least 1.")
        if batches < 1:
            raise ValueError(f"batches: {batches}; expected at least 1.")
        self._kernel = kernel
        self._sizes = sizes
        self._memory_limit = memory_limit
        self._tree = JunctionTreeBackend(self._network, memory_limit, kernel, threads, sizes, batches)
        self._dense = _dense_backend(self._network, backend, kernel, threads, sizes, batches)
        self._two_layer = (
            _two_layer(self._network, backend, memory_limit, kernel, sizes) if self._dense is None else None
        )
        self._mixtures = lru_cache(MOST_MIXTURES)(partial(mixture_of, self._network, sizes=sizes))
        self._target_positions = self._positions(self._network.targets or self._network.names)

    @property
    def network(self) -> Network:
        """The network that was compiled.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.Engine(model).network.names[:3]
        ('visit_to_asia', 'smoking', 'tuberculosis')
        """
        return self._network

    @cached_property
    def plan(self) -> Plan:
        """Back end, kernel, sizes and expected time.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.Engine(model).plan.backend
        'dense'
        """
        kernel = "numba" if self._kernel != "numpy" and numba_installed() else "numpy"
        if self._dense is not None:
            tables = self._dense.tables
            why = f"{len(tables.joint)} causes in one joint, {len(tables.findings)} findings independent given them"
            return plan("dense", kernel, tables.cells, tables.cells, why)
        if self._two_layer is not None:
            why = f"{len(self._two_layer.diseases)} roots over {len(self._two_layer.gates)} noisy-OR gates"
            return plan("noisy_or", kernel, self._two_layer.priors.size, 2, f"{why}; grows with positive findings")
        program = self._tree.whole
        why = "no small joint of targets separates the network"
        if program.cells > self._sizes.unsliced_cells:
            why += "; so large that each pattern of evidence is compiled by itself, in far fewer cells than this"
        return plan("junction_tree", kernel, program.cells, program.tree.largest, why)

    def portable(self, memory_limit: int = 2**28) -> dict[str, Any]:
        """The compiled network as plain data, for an engine that runs elsewhere, such as in a page.

        Parameters
        ----------
        memory_limit : int
            Bytes that one answer may take there.

        Returns
        -------
        dict
            cards : number of states of each variable, those of the network first.
            size : number of variables of the network.
            homes : for each of them the clique that it enters, -1 for a variable without children (a leaf).
            cliques : children before parents; of each its variables, the position of its parent (-1: none), the
            variables it shares with it, and the product of its factors, the last variable running fastest.
            groups : leaves over the same parents; of each its clique, the parents (scope), and the leaves. A gate has
            its leak and a link per parent, another leaf a row per state over the cells of the scope.

        Raises
        ------
        TooLargeError
            The junction tree takes more memory.

        References
        ----------
        S. Lauritzen, D. Spiegelhalter (1988), "Local computations with probabilities on graphical structures and their
        application to expert systems", J. R. Stat. Soc. B 50.

        Examples
        --------
        >>> import bayesdx as dx
        >>> found = dx.Engine(dx.load_model("chest_clinic@1.0.0")).portable()
        >>> found["size"], len(found["cliques"]) > 0
        (8, True)
        """
        return portable(self._network, memory_limit)

    def encode(self, frame: Observed) -> Evidence:
        """Evidence from a frame of state names; missing (None, NaN, NA) is "not observed".

        Parameters
        ----------
        frame : DataFrame of pandas, polars or pyarrow, list of dicts, or one dict
            A column per observed variable, a row per case. A cell holds a state (whole numbers match states that look
            like them), a dict of likelihoods over all states, or a list or set of the states that are still possible.

        Returns
        -------
        Evidence
            Codes of shape (n_cases, n_variables); -1 is "not observed".

        Raises
        ------
        FindingsError
            Columns or states that the network does not have, each with row, column, value and the nearest name.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> evidence = dx.Engine(model).encode(pd.DataFrame({"xray": ["positive", None]}))
        >>> evidence.codes.shape, int((evidence.codes >= 0).sum())
        ((2, 8), 1)
        >>> dx.Engine(model).encode({"xray": {"negative": 0.2, "positive": 0.8}}).likelihoods["xray"].tolist()
        [[0.2, 0.8]]
        """
        return encode(frame, self._network)

    def propagate(
        self,
        evidence: Evidence,
        targets: Iterable[str] | None = None,
        families: bool | Iterable[str] = False,
        parameters: ParameterDraws | Mapping[str, Array | GateDraws] | None = None,
        *,
        approximate: bool = False,
        samples: int = 20_000,
        seed: int = 0,
    ) -> Propagation:
        """Log evidence, marginals and, on request, family marginals of every case.

        Parameters
        ----------
        evidence : Evidence
        targets : iterable of str, optional
            Variables whose marginals are wanted; by default ``network.targets``, or all where there are none.
        families : bool or iterable of str
            True for the families of all variables, or the names of those wanted.
        parameters : ParameterDraws or mapping, optional
            Draws of conditional distributions; the results then have a leading axis of draws.
        approximate : bool
            In two-layer noisy-OR networks, answer the cases that do not fit ``memory_limit`` by importance sampling;
            ``Propagation.approximation`` then holds standard errors. Never used for what can be exact.
        samples : int
            Samples per approximated case.
        seed : int
            Seed of the samples.

        Returns
        -------
        Propagation
            Impossible cases have log evidence minus infinity and NaN marginals; see ``Propagation.impossible``.

        Raises
        ------
        FindingsError
            The evidence does not fit the network, or a target is not a variable.
        TooLargeError
            An exact answer does not fit ``memory_limit``, or an approximate one rests on too few effective samples.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> engine = dx.Engine(model)
        >>> evidence = engine.encode(pd.DataFrame({"xray": ["positive"]}))
        >>> found = engine.propagate(evidence, targets=["lung_cancer"], families=["xray"])
        >>> found.marginals["lung_cancer"].round(3)
        array([[0.511, 0.489]])
        >>> found.families["xray"].shape
        (1, 2, 2)
        """
        check_evidence(evidence, self._network)
        evidence, shift = evidence.scaled()
        wanted = self._target_positions if targets is None else self._positions(targets)
        if self._dense is not None and not families and parameters is None:
            at_once = self._dense.run_one if len(evidence) == 1 else self._dense.run_alike
            answered = at_once(evidence, wanted)
            if answered is not None:
                log_evidence, marginals = answered
                names = self._network.names
                return Propagation(log_evidence, {names[v]: values for v, values in marginals.items()})
        draws = _as_draws(parameters, self._network)
        which = self._network.names if families is True else (families or ())
        found: dict[int, Family] = {}
        if self._two_layer is not None and draws is None and not which and set(wanted) <= set(self._two_layer.diseases):
            found_here = two_layer.propagate(self._two_layer, evidence, wanted, samples if approximate else 0, seed)
            return replace(found_here, log_evidence=found_here.log_evidence + shift)
        if self._dense is not None and draws is None and not which:
            log_evidence, marginals, _ = self._dense.run(evidence, wanted)
        else:
            log_evidence, marginals, found, _ = self._tree.run(evidence, wanted, self._positions(which), draws)
        shape = (draws.n_draws, len(evidence)) if draws else (len(evidence),)
        names = self._network.names
        gone = _impossible(log_evidence)
        _check_finite(marginals, gone)
        return Propagation(
            log_evidence.reshape(shape) + shift,
            {names[v]: _finished(values, gone, shape) for v, values in marginals.items()},
            {names[v]: _finished_family(family, gone, shape) for v, family in found.items()},
        )

    def marginals(
        self,
        frame: Observed,
        targets: Iterable[str] | None = None,
        on_impossible: Literal["raise", "flag"] = "raise",
    ) -> dict[str, pd.DataFrame]:
        """Posteriors of a frame of cases.

        Parameters
        ----------
        frame : what ``encode`` takes
        targets : iterable of str, optional
            By default ``network.targets``, or all variables where there are none.
        on_impossible : {"raise", "flag"}
            What to do with a row of probability 0: raise, or leave NaN in it.

        Returns
        -------
        dict of variable name to DataFrame (index as ``frame``, a column per state)

        Raises
        ------
        ImpossibleEvidenceError
            A row has probability 0 and ``on_impossible`` is "raise"; it names the row and a smallest conflict.
        FindingsError
            As ``encode``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> frame = pd.DataFrame({"xray": ["positive", None]}, index=["first", "second"])
        >>> dx.Engine(model).marginals(frame, targets=["lung_cancer"])["lung_cancer"].round(3)
                absent  present
        first    0.511    0.489
        second   0.945    0.055
        """
        evidence = self.encode(frame)
        result = self.propagate(evidence, targets)
        index = index_of(frame)
        if on_impossible == "raise" and result.impossible.any():
            self._raise_impossible(evidence, index, int(np.flatnonzero(result.impossible)[0]))
        columns: dict[tuple[str, ...], pd.Index] = {}
        frames = {}
        for name, values in result.marginals.items():
            states = self._network[name].states
            if states not in columns:
                columns[states] = pd.Index(list(states))
            frames[name] = pd.DataFrame(values, index=index, columns=columns[states])
        return frames

    def log_evidence(self, frame: Observed) -> pd.Series:
        """Natural logarithm of P(row) for each row; minus infinity where it is impossible.

        Parameters
        ----------
        frame : what ``encode`` takes

        Returns
        -------
        Series, shape (n_cases,), index as ``frame``
            At most 0, in nats.

        Raises
        ------
        FindingsError
            As ``encode``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> np.exp(dx.Engine(model).log_evidence(pd.DataFrame({"xray": ["positive", "negative"]}))).round(3).tolist()
        [0.11, 0.89]
        """
        values = self.propagate(self.encode(frame), targets=()).log_evidence
        return pd.Series(values, index=index_of(frame), name="log_evidence")

    def most_probable(
        self, evidence: Evidence | Observed, variables: Sequence[str] | None = None, k: int = 1
    ) -> Configurations:
        """The k most probable joint configurations of some variables, given one case; exact.

        No table over all of the variables is made, so there may be thousands of them.

        Parameters
        ----------
        evidence : Evidence of one case, or what ``encode`` takes
        variables : sequence of str, optional
            All variables of the network where it is left out: the most probable explanation (MPE).
        k : int, at least 1

        Returns
        -------
        Configurations
            Highest probability first; equal ones by their codes, lowest first. It unpacks to ``codes``, shape
            (min(k, configurations), n_variables), and ``probabilities``, P(configuration | evidence); ``frame`` is the
            same with names of states.

        Raises
        ------
        FindingsError
            The evidence is not one case of this network, a variable is unknown or named twice, or k is no whole number
            of at least 1.
        ImpossibleEvidenceError
            The case has probability 0.
        TooLargeError
            The network is too densely linked for an exact answer within ``memory_limit``.

        References
        ----------
        See ``bayesdx.inference.best``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> engine = dx.Engine(model)
        >>> engine.most_probable({"xray": "positive"}, ["tuberculosis", "lung_cancer"], 2).frame.round(3)
          tuberculosis lung_cancer  probability
        0       absent     present        0.484
        1       absent      absent        0.424
        """
        given = evidence if isinstance(evidence, Evidence) else self.encode(evidence)
        self._one_case(given)
        check_evidence(given, self._network)
        if not _is_count(k):
            raise FindingsError(f"most_probable: k = {k}; expected a whole number of at least 1.")
        names = self._network.names if variables is None else tuple(variables)
        if len(set(names)) != len(names):
            raise FindingsError(f"most_probable: a variable is named twice: {list(names)}.")
        scope = tuple(self._positions(names))
        scaled, _ = given.scaled()
        log_evidence = float(self.propagate(scaled, targets=()).log_evidence[0])
        if log_evidence == -np.inf:
            raise ImpossibleEvidenceError("findings: this case has probability 0.", self.conflict(given))
        cards = [self._network.cardinalities[v] for v in scope]
        k = int(min(k, math.prod(cards)))
        states = tuple(self._network[name].states for name in names)
        if math.prod(cards) <= self._sizes.ranked_table:
            return Configurations(names, states, *largest_cells(self._joint(scaled, scope)[1][0], k))
        listed = None if self._two_layer is None else two_layer.most_probable(self._two_layer, scaled, scope, k)
        codes, logs = self._tree.best(scaled, scope, k) if listed is None else listed
        codes, logs = with_impossible(codes, logs, cards, k)
        return Configurations(names, states, codes, np.exp(np.minimum(logs - log_evidence, 0.0)))

    def sample(self, evidence: Evidence | Observed, samples: int, *, seed: int = 0) -> pd.DataFrame:
        """Configurations of all variables, drawn from their joint posterior given one case; exact and independent.

        Parameters
        ----------
        evidence : Evidence of one case, or what ``encode`` takes
        samples : int, at least 1
        seed : int
            Equal seeds give equal samples.

        Returns
        -------
        DataFrame, shape (samples, n_variables)
            Names of states, a column per variable in the order of the network.

        Raises
        ------
        FindingsError
            The evidence is not one case of this network, or ``samples`` is no whole number of at least 1.
        ImpossibleEvidenceError
            The case has probability 0.
        TooLargeError
            The network is too densely linked for an exact answer within ``memory_limit``.

        References
        ----------
        A. P. Dawid (1992), "Applications of a general propagation algorithm for probabilistic expert systems",
        Statistics and Computing 2.

        Examples
        --------
        >>> import bayesdx as dx
        >>> engine = dx.Engine(dx.load_model("chest_clinic@1.0.0"))
        >>> drawn = engine.sample({"xray": "positive"}, 4000)
        >>> round(float((drawn["lung_cancer"] == "present").mean()), 1)
        0.5
        """
        codes = self.sampled_codes(evidence, samples, seed=seed)
        return pd.DataFrame(
            {
                node.name: np.array(node.states, dtype=object)[codes[:, place]]
                for place, node in enumerate(self._network.nodes)
            }
        )

    def sampled_codes(self, evidence: Evidence | Observed, samples: int, *, seed: int = 0) -> NDArray[np.int32]:
        """As ``sample``, as codes of states.

        Parameters
        ----------
        evidence : Evidence of one case, or one case as ``sample`` takes it
        samples : int, at least 1
        seed : int

        Returns
        -------
        ndarray of int, shape (samples, n_variables)

        Raises
        ------
        FindingsError, ImpossibleEvidenceError
            As ``sample``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> engine = dx.Engine(dx.load_model("chest_clinic@1.0.0"))
        >>> engine.sampled_codes({"xray": "positive"}, 3)[:, engine.network.index["xray"]].tolist()
        [1, 1, 1]
        """
        given = evidence if isinstance(evidence, Evidence) else self.encode(evidence)
        self._one_case(given)
        check_evidence(given, self._network)
        if not _is_count(samples):
            raise FindingsError(f"sample: samples = {samples}; expected a whole number of at least 1.")
        scaled, _ = given.scaled()
        if self.propagate(scaled, targets=()).impossible[0]:
            raise ImpossibleEvidenceError("findings: this case has probability 0.", self.conflict(given))
        return self._tree.sample(scaled, int(samples), np.random.default_rng(seed))

    def joint(self, evidence: Evidence, variables: Sequence[str]) -> tuple[Array, Array]:
        """Log evidence, and the joint posterior of some variables, of every case; exact.

        Parameters
        ----------
        evidence : Evidence
        variables : sequence of str

        Returns
        -------
        log_evidence : ndarray, shape (n_cases,)
        joint : ndarray, shape (n_cases, *cardinalities of the variables)
            P(configuration | evidence); NaN in the rows that are impossible.

        Raises
        ------
        FindingsError
            The evidence does not fit the network, or a variable is unknown or named twice.
        TooLargeError
            The joint of ``variables`` does not fit ``memory_limit``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> engine = dx.Engine(model)
        >>> evidence = engine.encode(pd.DataFrame({"xray": ["positive"]}))
        >>> _, joint = engine.joint(evidence, ["tuberculosis", "lung_cancer"])
        >>> joint[0].round(3)
        array([[0.424, 0.484],
               [0.087, 0.005]])
        """
        check_evidence(evidence, self._network)
        (scope,) = self._scopes("joint", evidence, (variables,))
        evidence, shift = evidence.scaled()
        log_evidence, joint = self._joint(evidence, scope)
        return log_evidence + shift, _finished(np.array(joint), _impossible(log_evidence), log_evidence.shape)

    def _joint(self, evidence: Evidence, scope: tuple[int, ...]) -> tuple[Array, Array]:
        if self._dense is not None and set(scope) <= set(self._dense.tables.joint):
            tables = self._dense.tables
            log_evidence, _, cells = self._dense.run(evidence, (), with_joint=True)
            posterior = cells.reshape(-1, *tables.joint_cards)
            kept = [v for v in tables.joint if v in scope]
            posterior = posterior.sum(axis=tuple(1 + axis for axis, v in enumerate(tables.joint) if v not in scope))
            return log_evidence, posterior.transpose(0, *(1 + kept.index(v) for v in scope))
        mixture = self._mixture(evidence, scope)
        if mixture is None:
            log_evidence, _, _, joints = self._tree.run(evidence, (), together=(scope,))
            return log_evidence, joints[0]
        log_evidence, _, _, joints = self._tree.run(evidence, (), together=mixture.scopes)
        return log_evidence, joined(mixture, joints, scope, self._sizes.product_cells)

    def _mixture(self, evidence: Evidence, scope: tuple[int, ...]) -> Mixture | None:
        """The parts to put a joint together from that is too large for a clique; None where it is asked as a whole."""
        hard = evidence.codes >= 0
        seen = np.flatnonzero(hard.any(axis=0)).tolist()
        soft = [self._network.index[name] for name in evidence.likelihoods]
        relevant = self._network.with_ancestors([*scope, *seen, *soft])
        given = frozenset(np.flatnonzero(hard.all(axis=0)).tolist())
        return self._mixtures(scope, relevant, given)

    def joints(self, evidence: Evidence, scopes: Sequence[Sequence[str]]) -> tuple[Array, list[Array]]:
        """Log evidence, and the joint posterior of every scope, of every case, in one propagation.

        Parameters
        ----------
        evidence : Evidence
        scopes : sequence of sequence of str
            Each is held by one clique, so it has to be small; families of the network's own variables cost nothing.

        Returns
        -------
        log_evidence : ndarray, shape (n_cases,)
        joints : list of ndarray, each of shape (n_cases, *cardinalities of the scope)
            P(configuration | evidence); NaN in the rows that are impossible.

        Raises
        ------
        FindingsError
            The evidence does not fit the network, or a variable is unknown or named twice in a scope.
        TooLargeError
            The scopes do not fit ``memory_limit``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> engine = dx.Engine(model)
        >>> scopes = [("tuberculosis", "lung_cancer"), ("smoking",)]
        >>> _, (pair, single) = engine.joints(engine.encode(pd.DataFrame({"xray": ["positive", None]})), scopes)
        >>> pair.shape, single.round(3).tolist()
        ((2, 2, 2), [[0.312, 0.688], [0.5, 0.5]])
        """
        check_evidence(evidence, self._network)
        positions = self._scopes("joints", evidence, scopes)
        evidence, shift = evidence.scaled()
        log_evidence, _, _, joints = self._tree.run(evidence, (), together=positions)
        gone = _impossible(log_evidence)
        return log_evidence + shift, [_finished(joint, gone, log_evidence.shape) for joint in joints]

    def conflict(self, evidence: Evidence) -> tuple[str, ...]:
        """Observed variables of one impossible case whose evidence alone has probability 0.

        The set is inclusion-minimal, and of smallest cardinality wherever at most
        ``bayesdx.inference.impossible.MOST_SUBSETS`` subsets of each smaller size exist. Empty when the case is
        possible.

        Parameters
        ----------
        evidence : Evidence of one case

        Returns
        -------
        tuple of str

        Raises
        ------
        FindingsError
            ``evidence`` is not one case of this network.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> engine = dx.Engine(model)
        >>> frame = pd.DataFrame({"smoking": ["yes"], "tuberculosis": ["present"], "either": ["no"]})
        >>> engine.conflict(engine.encode(frame))
        ('tuberculosis', 'either')
        """
        self._one_case(evidence)
        check_evidence(evidence, self._network)
        names = self._network.names
        observed = [v for v in range(len(names)) if evidence.codes[0, v] >= 0 or names[v] in evidence.likelihoods]

        def impossible(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
            return self.propagate(_masked(evidence, masks, observed, names), targets=()).impossible

        if not impossible(np.ones((1, len(observed)), dtype=np.bool_))[0]:
            return ()
        members, _ = minimal_conflict(len(observed), impossible)
        return tuple(names[observed[member]] for member in members)

    def _said(self, evidence: Evidence, row: int, name: str) -> str:
        """What a case observes of one variable, for a message: its state, or the states with a likelihood above 0."""
        states, code = self._network[name].states, evidence.codes[row, self._network.index[name]]
        if code >= 0:
            return f"{name} = {states[code]}"
        left = [state for state, value in zip(states, evidence.likelihoods[name][row], strict=True) if value > 0]
        return f"{name} = {' or '.join(left)}"

    def _scopes(self, what: str, evidence: Evidence, scopes: Sequence[Sequence[str]]) -> tuple[tuple[int, ...], ...]:
        """Positions of the variables of each scope, whose joint posteriors of all cases have to fit the memory."""
        for scope in scopes:
            if len(set(scope)) != len(scope):
                raise FindingsError(f"{what}: a variable is named twice: {list(scope)}.")
        positions = tuple(tuple(self._positions(scope)) for scope in scopes)
        cells = sum(math.prod(self._network.cardinalities[v] for v in scope) for scope in positions)
        if 16 * cells * max(len(evidence), 1) > self._memory_limit:
            n = len(set().union(*positions))
            raise TooLargeError(
                f"{what}: {rounded(cells)} configurations of {n} variables need {rounded(16 * cells, 10**9)} GB a "
                f"case; the limit is {rounded(self._memory_limit, 10**9)} GB. Ask for fewer variables or cases, or "
                "raise memory_limit."
            )
        return positions

    def _positions(self, names: Iterable[str]) -> list[int]:
        positions = []
        for name in names:
            if name not in self._network.index:
                raise FindingsError(f"{name!r} is not a variable.{did_you_mean(name, self._network.names)}")
            positions.append(self._network.index[name])
        return positions

    def _one_case(self, evidence: Evidence) -> None:
        if len(evidence) != 1:
            raise FindingsError(f"evidence: {len(evidence)} cases; this question takes one.")

    def _raise_impossible(self, evidence: Evidence, index: pd.Index, row: int) -> None:
        clash = self.conflict(evidence.take([row]))
        shown = ", ".join(self._said(evidence, row, name) for name in clash)
        raise ImpossibleEvidenceError(
            f"findings: row {index[row]!r} has probability 0; {shown or 'it'} cannot occur together. "
            "Check the probabilities behind them, or pass on_impossible='flag'.",
            clash,
            row,
        )


def _dense_backend(
    network: Network, backend: str, kernel: Kernel, workers: int, sizes: Sizes, batches: int
) -> DenseBackend | None:
    if backend not in BACKENDS:
        raise ValueError(f"backend: {backend!r}; expected one of {', '.join(BACKENDS)}.")
    if backend in ("junction_tree", "noisy_or"):
        return None
    chosen = roles(network)
    if chosen is None and backend == "dense":
        raise TooLargeError("backend='dense': no small joint of targets separates this network; use 'auto'.")
    return DenseBackend(network, dense_tables(network, chosen), kernel, workers, sizes, batches) if chosen else None


def _two_layer(
    network: Network, backend: str, memory_limit: int, kernel: Kernel, sizes: Sizes
) -> noisy_or.TwoLayer | None:
    fits = is_two_layer(network)
    if backend == "noisy_or" and not fits:
        raise NetworkError(
            f"backend='noisy_or' needs roots (at least {LEAST_DISEASES}) and binary noisy gates over them."
        )
    return noisy_or.TwoLayer(network, memory_limit, kernel, sizes) if fits and backend in ("auto", "noisy_or") else None


def _check_numbers(network: Network) -> None:
    """Raise a NetworkError where a probability is above 0 and so small that products of it may underflow to 0."""
    parts = [part for node in network.nodes for part in arrays_of(node.cpd)]
    values = np.concatenate([np.ones(1), *(part.reshape(-1) for part in parts)])
    if values[values > 0].min() >= SMALLEST_PROBABILITY:
        return
    for node in network.nodes:
        for part in arrays_of(node.cpd):
            faint = part[(part > 0) & (part < SMALLEST_PROBABILITY)]
            if faint.size:
                raise NetworkError(
                    f"network: {node.name} has a probability of {faint[0]:g}; expected 0 or at least "
                    f"{SMALLEST_PROBABILITY:g}."
                )


def _check_finite(marginals: Mapping[int, Array], impossible: NDArray[np.bool_] | None) -> None:
    """Raise a NetworkError where the posterior of a possible case is not finite.

    Only probabilities near the smallest allowed can bring that about.
    """
    if math.isfinite(sum(float(np.vdot(values, values)) for values in marginals.values())):
        return
    for values in marginals.values():
        odd = ~np.isfinite(values.sum(axis=1))
        if odd.any() and (impossible is None or (odd & ~impossible).any()):
            raise NetworkError(
                "propagate: a posterior of this network cannot be held in floating point; its smallest probabilities "
                "are too faint. Set to 0 what cannot be."
            )


def _is_count(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)


def _as_draws(
    parameters: ParameterDraws | Mapping[str, Array | GateDraws] | None, network: Network
) -> ParameterDraws | None:
    if parameters is None:
        return None
    draws = parameters if isinstance(parameters, ParameterDraws) else ParameterDraws(parameters)
    check_draws(draws, network)
    return draws


def _masked(evidence: Evidence, masks: NDArray[np.bool_], observed: Sequence[int], names: Sequence[str]) -> Evidence:
    codes = np.full((len(masks), evidence.codes.shape[1]), -1, dtype=np.int32)
    codes[:, observed] = np.where(masks, evidence.codes[0, observed], -1)
    likelihoods = {
        names[v]: np.where(masks[:, [place]], evidence.likelihoods[names[v]], 1.0)
        for place, v in enumerate(observed)
        if names[v] in evidence.likelihoods
    }
    return Evidence(codes, likelihoods)


def _finished(values: Array, impossible: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> Array:
    """Read-only, NaN in the impossible rows, and with an axis for the draws if there are any."""
    if impossible is not None:
        values[impossible] = np.nan
    if len(shape) > 1:
        values = values.reshape(*shape, *values.shape[1:])
    values.setflags(write=False)
    return values


def _finished_family(family: Family, impossible: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> Family:
    if isinstance(family, GateFamily):
        links = tuple(_finished(link, impossible, shape) for link in family.links)
        return GateFamily(_finished(family.leak, impossible, shape), links)
    return _finished(family, impossible, shape)


def _impossible(log_evidence: Array) -> NDArray[np.bool_] | None:
    """Mask of the impossible rows; None where there is none."""
    mask = log_evidence == -np.inf
    return mask if mask.any() else None
