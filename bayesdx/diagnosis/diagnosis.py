"""One patient: findings in, differential out, and every question about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesdx.diagnosis.case import CaseNumbers
from bayesdx.diagnosis.case_page import name_of, page_blocks
from bayesdx.diagnosis.conflict import Conflict, conflict_of
from bayesdx.diagnosis.explanation import Weights, weights_of
from bayesdx.diagnosis.findings import read_findings
from bayesdx.diagnosis.suggestions import NextTests, next_tests
from bayesdx.diagnosis.views import CHOOSE, blocks_of, brief_blocks
from bayesdx.display.blocks import Block
from bayesdx.display.html import as_page
from bayesdx.display.report import PlottedReport
from bayesdx.errors import SaveError, TooLargeError, check_path
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.versions import as_model

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def diagnose(model: Model | str | PathLike[str], findings: Mapping[str, Any] | pd.Series | None = None) -> Diagnosis:
    """The differential of one patient.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes; load it once where many patients are diagnosed.
    findings : mapping, optional
        Variable -> a state; a list or set of the states still possible; a dict of likelihoods over states; or
        ``UNKNOWN`` (asked, could not be told). Group -> the list of its members that are present, the others being
        absent. A variable left out was not observed, also where the model has a state for an empty cell of a table
        (``if_empty``). Contexts and causes may be given like any other variable.

    Returns
    -------
    Diagnosis

    Raises
    ------
    FindingsError
        A name or state that the model does not have; every fault is listed, with the nearest valid name.
    ImpossibleEvidenceError
        The findings have probability zero; a smallest set of findings that cannot occur together is named.

    References
    ----------
    J. Pearl (1988), "Probabilistic reasoning in intelligent systems", for likelihood (virtual) evidence.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "hip_flexor_tenderness": "present", "fever": "absent"})
    >>> case.posterior.index[0]
    'iliopsoas_strain'
    """
    known = as_model(model)
    return Diagnosis.of(known, read_findings(known, {} if findings is None else findings))


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(CaseNumbers, PlottedReport):
    """The differential of one patient; a value, made by ``diagnose``.

    Its numbers are those of ``CaseNumbers``; what is asked about them (conflict, what to find out next, weights of
    evidence, a page) is here.

    ``plot`` draws prior and posterior of the most probable causes, joined by a line.

    Parameters
    ----------
    model : Model
        With ``name``, ``version``, ``hash`` and ``population``.
    evidence : Findings
        The findings in canonical form, with the codes that the engine takes.
    log_evidence : float
        Natural logarithm of P(findings).
    probabilities : ndarray, shape (n_alternatives,)
        P(cause present | findings) in the order of the model's causes.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> case.posterior.head(3).round(3).to_dict()
    {'iliopsoas_strain': 0.459, 'lumbar_radiculopathy': 0.368, 'disc_herniation': 0.269}
    >>> round(case.none_present, 3), case.model.version
    (0.077, '1.0.0')
    """

    @cached_property
    def conflict(self) -> Conflict:
        """Whether the findings fit together, which of them clash, and whether anything modelled fits them.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> case = dx.diagnose(model, {"xray": "positive", "dyspnoea": "absent"})
        >>> round(case.conflict.bits, 2), case.conflict.misfit
        (0.65, False)
        """
        return conflict_of(self)

    @cached_property
    def next_tests(self) -> NextTests:
        """What to find out next, as ``next_tests`` says without further wishes.

        Raises
        ------
        TooLargeError
            As ``next_tests``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("chest_clinic@1.0.0"), {"xray": "positive"})
        >>> [suggestion.option.name for suggestion in case.next_tests.suggestions]
        ['dyspnoea']
        """
        return next_tests(self)

    def weights_of_evidence(self, causes: Sequence[str] | None = None) -> tuple[Weights, ...]:
        """What each finding adds to the log-odds of each cause, in decibans; as ``explain``, for many causes at once.

        Parameters
        ----------
        causes : sequence of str, optional
            Lines of the differential; all of them where left out.

        Returns
        -------
        tuple of Weights
            One per cause, in that order: prior + weights = posterior.

        Raises
        ------
        FindingsError
            The model has no such cause.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> [strain] = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"}).weights_of_evidence(
        ...     ["iliopsoas_strain"]
        ... )
        >>> round(strain.prior_decibans, 1), {name: round(weight, 1) for name, weight in strain.weights.items()}
        (-8.3, {'onset': 4.3, 'severe_pain': 3.2})
        """
        return weights_of(self, [line.cause for line in self.differential] if causes is None else causes)

    def to_html(self, file: str | PathLike[str], cause: str | None = None) -> None:
        """Write the diagnosis as one page that can be sent to a colleague: no script, nothing loaded from anywhere.

        Parameters
        ----------
        file : str or path
        cause : str, optional
            The cause whose reasons are shown; the first of the differential where left out.

        Raises
        ------
        FindingsError
            The model has no such cause.
        SaveError
            ``file`` is no path.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> case = dx.diagnose(model, {"xray": "positive"})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     case.to_html(f"{folder}/case.html", "lung_cancer")
        ...     "<script" in pathlib.Path(folder, "case.html").read_text("utf-8")
        False
        """
        check_path("to_html: file", file, SaveError)
        blocks = page_blocks(self, self.next_tests, cause)
        Path(file).write_text(as_page(blocks, f"Differential: {name_of(self)}"), encoding="utf-8")

    _most_drawn = 12

    def _draw(self, ax: Axes | None, most: int) -> Axes:
        """Prior and posterior of each cause, joined by a line."""
        from bayesdx.display.figures import pairs

        lines = self.differential[:most]
        columns = [line.label for line in lines], [line.prior for line in lines], [line.posterior for line in lines]
        named = f"{self.model.name} {self.model.version}, {self.model.population}"
        return pairs(*columns, xlabel="hollow: prior, filled: with the findings", title=named, ax=ax)

    def blocks(
        self, top: int | None = None, *, intervals: bool = False, choose: str = CHOOSE, brief: bool = False
    ) -> Sequence[Block]:
        """What text and HTML show, in order.

        Setting and findings as understood, red flags, the differential, what to do now, what to find out next, the
        most probable sets of causes, the notice.

        Parameters
        ----------
        top : int, at least 1, optional
            Lines of the differential; causes that a red flag or an emergency step is about are added, and no other
            cause is named. Where left out, 15 lines, and sets and steps name every cause.
        intervals : bool
            Whether to show 95 % credible intervals, and a warning where the findings do not fit together.
        choose : str
            How a population is chosen; as in Python where left out.
        brief : bool
            Half a screen: findings in a line, alerts, triage, the first causes with intervals, the best next test.

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("chest_clinic@1.0.0"), {"xray": "positive"})
        >>> case.blocks(top=1)[0].text
        'chest_clinic 1.0.0, clinic: 1 finding'
        """
        try:
            following: NextTests | str = self.next_tests
        except TooLargeError as error:
            following = str(error)
        if brief:
            return brief_blocks(self, top, following, self.conflict, choose)
        return blocks_of(self, top, following, self.conflict if intervals else None, choose)
