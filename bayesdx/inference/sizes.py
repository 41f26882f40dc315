"""The sizes at which an engine changes its method; every method gives the same numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Sizes that decide how an engine works, never what it finds; an argument of ``Engine``, so that tests set them.

    Parameters
    ----------
    expanded_parents : int
        Parents up to which a gate is a table; one with more is a chain.
    unpruned_cells, unpruned_variables : int
        A tree over the whole network of at most so many cells, in a network of at most so many variables, serves every
        question: nothing is planned anew.
    unsliced_cells : int
        A tree with more cells than this is cut down by the states that each pattern of evidence gives.
    casewise_cells : int
        Trees of at most so many cells stay in the cache: compiled code takes them one case at a time, leaves outside.
    hub_states : int
        States of a variable that most cliques share, from which one case at a time beats many lanes at a time.
    alike : float
        Compiled code reuses the work of the case before where cases differ from it in less than this share of codes.
    alike_cases : int
        Largest batch over a dense joint in which findings that all cases share are entered once; with 0 a single case
        is treated like any batch.
    row_cells : int
        Largest set of rows kept for answering one case in numpy; other trees answer one case as they do many.
    possible_share : float
        Compiled code leaves out the impossible cells of a clique where at most this share of its cells is possible.
    hypothetical_rows : int
        Largest batch that is examined for being hypothetical results of one case; larger ones are cohorts.
    cases_at_once : int
        Upper bound on the cases of one call of compiled code; most functions have a lower bound of their own.
    threaded_cells : int
        Cells times cases from which several threads are used: about 10 ms of compiled code.
    mixture_saving : float
        A joint is put together from parts where it has at least so many times the cells of all parts.
    hub_sizes : tuple of int
        Numbers of variables that the hub between the parts may have, tried in this order until one is worth it.
    product_cells : int
        Multiplications of one matrix product; with more of them OpenBLAS starts threads that cost more than they save.
    ranked_table : int
        Largest table of all configurations from which the most probable ones are read.
    ranked_lists : tuple of int
        Lengths of the lists of partial configurations in larger questions, tried in this order.

    Examples
    --------
    >>> import bayesdx as dx
    >>> engine = dx.Engine(dx.load_model("chest_clinic@1.0.0"), sizes=Sizes(ranked_table=0))
    >>> engine.most_probable({"xray": "positive"}, ["tuberculosis"]).frame.round(3)
      tuberculosis  probability
    0       absent        0.908
    """

    expanded_parents: int = 8
    unpruned_cells: int = 10_000
    unpruned_variables: int = 256
    unsliced_cells: int = 500_000
    casewise_cells: int = 2**15
    hub_states: int = 8
    alike: float = 0.1
    alike_cases: int = 512
    row_cells: int = 2**21
    possible_share: float = 0.7
    hypothetical_rows: int = 2**12
    cases_at_once: int = 2**13
    threaded_cells: int = 2**22
    mixture_saving: int = 16
    hub_sizes: tuple[int, ...] = (1, 2)
    product_cells: int = 2**18
    ranked_table: int = 2**14
    ranked_lists: tuple[int, ...] = (32, 128, 512)


USUAL = Sizes()
