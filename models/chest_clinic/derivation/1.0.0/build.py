"""The chest clinic of Lauritzen and Spiegelhalter (1988) as a model folder; every number stands in this file.

``python models/chest_clinic/derivation/1.0.0/build.py`` writes models/chest_clinic/1.0.0, which must not exist yet, and
the model card beside it. With ``--compare`` nothing is written: it says whether the released version is what this file
makes.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import bayesdx as dx
from bayesdx.knowledge.model import ModelInfo, Population
from bayesdx.knowledge.schema import Accuracy, Case, Prior, Source, TableEntry, Test, Variable

FOLDER = Path(__file__).resolve().parents[2] / "1.0.0"
CARD = FOLDER.parent / "MODEL_CARD.md"
RELEASED = date(2026, 11, 23)

PAPER = "LS1988"
GRAIN = "GRAIN"

NO_YES = ("no", "yes")
ABSENT_PRESENT = ("absent", "present")

VARIABLES = (
    Variable("visit_to_asia", "Recent visit to Asia", "context", "", NO_YES, "A recent visit to Asia"),
    Variable("smoking", "Smoking", "context", "", NO_YES, "The patient smokes"),
    Variable("tuberculosis", "Tuberculosis", "cause", "", ABSENT_PRESENT, "Tuberculosis", icd10="A15"),
    Variable("lung_cancer", "Lung cancer", "cause", "", ABSENT_PRESENT, "Lung cancer", icd10="C34"),
    Variable("bronchitis", "Bronchitis", "cause", "", ABSENT_PRESENT, "Bronchitis", icd10="J40"),
    Variable(
        "either",
        "Tuberculosis or lung cancer",
        "mechanism",
        "",
        NO_YES,
        "Tuberculosis, lung cancer or both: neither X-ray nor dyspnoea tells them apart",
    ),
    Variable("dyspnoea", "Dyspnoea", "history", "", ABSENT_PRESENT, "Shortness of breath", icd10="R06.0"),
    Variable("xray", "Chest X-ray", "test", "", ("negative", "positive"), "Chest X-ray, positive or not"),
)

PRIORS = {("visit_to_asia", "yes"): 0.01, ("smoking", "yes"): 0.5}

TABLES: dict[tuple[str, str], list[tuple[dict[str, str], float]]] = {
    ("tuberculosis", "present"): [({"visit_to_asia": "no"}, 0.01), ({"visit_to_asia": "yes"}, 0.05)],
    ("lung_cancer", "present"): [({"smoking": "no"}, 0.01), ({"smoking": "yes"}, 0.1)],
    ("bronchitis", "present"): [({"smoking": "no"}, 0.3), ({"smoking": "yes"}, 0.6)],
    ("either", "yes"): [
        ({"tuberculosis": "absent", "lung_cancer": "absent"}, 0.0),
        ({"tuberculosis": "absent", "lung_cancer": "present"}, 1.0),
        ({"tuberculosis": "present", "lung_cancer": "absent"}, 1.0),
        ({"tuberculosis": "present", "lung_cancer": "present"}, 1.0),
    ],
    ("dyspnoea", "present"): [
        ({"bronchitis": "absent", "either": "no"}, 0.1),
        ({"bronchitis": "absent", "either": "yes"}, 0.7),
        ({"bronchitis": "present", "either": "no"}, 0.8),
        ({"bronchitis": "present", "either": "yes"}, 0.9),
    ],
    ("xray", "positive"): [({"either": "no"}, 0.05), ({"either": "yes"}, 0.98)],
}
"""(variable, state) -> the probability of the state given each combination of states of the parents."""

EXACT = "an illustrative number, exact by definition; read in GRAIN, which repeats the paper's tables"


def _accuracy(
    finding: str, state: str, cause: str, measure: str, condition: str, value: float, given: str = ""
) -> Accuracy:
    conditions = tuple((name, (of,)) for name, of in (part.split("=") for part in given.split(";") if part))
    return Accuracy(
        finding, state, cause, measure, condition, value, value, value, None, PAPER, "verified", EXACT, given=conditions
    )


ACCURACY = (
    _accuracy("xray", "positive", "tuberculosis", "sensitivity", "anybody with tuberculosis", 0.98),
    _accuracy("xray", "positive", "tuberculosis", "false_positive_rate", "no lung cancer", 0.05, "lung_cancer=absent"),
    _accuracy("xray", "positive", "lung_cancer", "sensitivity", "anybody with lung cancer", 0.98),
    _accuracy("xray", "positive", "lung_cancer", "false_positive_rate", "no tuberculosis", 0.05, "tuberculosis=absent"),
    _accuracy("dyspnoea", "present", "bronchitis", "sensitivity", "neither of the others", 0.8, "either=no"),
    _accuracy("dyspnoea", "present", "bronchitis", "sensitivity", "one of the others as well", 0.9, "either=yes"),
    _accuracy("dyspnoea", "present", "bronchitis", "false_positive_rate", "neither of the others", 0.1, "either=no"),
    _accuracy("dyspnoea", "present", "bronchitis", "false_positive_rate", "one of the others", 0.7, "either=yes"),
)

GRAIN_ADDRESS = "https://search.r-project.org/CRAN/refmans/gRain/html/chest.html"

CASES = (
    Case(
        "asia_visit",
        "Dyspnoea after a recent visit to Asia, smoking not known",
        "clinic",
        (("visit_to_asia", ("yes",)), ("dyspnoea", ("present",))),
        ("bronchitis",),
        "cause in top 1; p(bronchitis) in 0.81139..0.81141; p(lung_cancer) in 0.09952..0.09953; no flag fires",
        "held_out",
        GRAIN_ADDRESS,
        "the paper's own patient; posteriors to five digits as gRain prints them for the same findings",
    ),
    Case(
        "asia_visit_smoker",
        "Dyspnoea in a smoker after a recent visit to Asia",
        "clinic",
        (("visit_to_asia", ("yes",)), ("smoking", ("yes",)), ("dyspnoea", ("present",))),
        ("bronchitis",),
        "cause in top 1; p(bronchitis) in 0.86725..0.86726; p(lung_cancer) in 0.14551..0.14552",
        "held_out",
        GRAIN_ADDRESS,
        "posteriors to five digits as gRain prints them for the same findings",
    ),
    Case(
        "nothing_known",
        "A patient of whom nothing is known",
        "clinic",
        (("dyspnoea", ("absent", "present")),),
        (),
        "none in top 1; p(bronchitis) in 0.45..0.45; p(lung_cancer) in 0.055..0.055; p(tuberculosis) in 0.0104..0.0104",
        "held_out",
        GRAIN_ADDRESS,
        "marginal probabilities; whether there is dyspnoea is left open",
    ),
)

SOURCES = (
    Source(
        PAPER,
        "Lauritzen SL, Spiegelhalter DJ. Local computations with probabilities on graphical structures and their "
        "application to expert systems (with discussion). Journal of the Royal Statistical Society B 50, 157-224",
        1988,
        "10.1111/j.2517-6161.1988.tb01721.x",
        "",
        "illustrative example",
        None,
        "recalled",
    ),
    Source(
        GRAIN,
        "Højsgaard S. Graphical independence networks with the gRain package for R. Journal of Statistical Software "
        "46(10); its help page of the chest clinic repeats every number of the paper, and its tutorial the posteriors",
        2012,
        "10.18637/jss.v046.i10",
        GRAIN_ADDRESS,
        "software documentation",
        None,
        "verified",
    ),
)

NOTES = """- The numbers are illustrative: Lauritzen and Spiegelhalter chose them, no patients stand behind them. They
  are exact by definition, so their intervals have no width, and intervals of posteriors have none either.
- Numbers are 'verified' against the help page of gRain, which repeats the paper's tables; the paper itself was not at
  hand, so that source is 'recalled'.
- A cause is present or absent and nothing else; there are no red flags and no steps of care.
"""


def build() -> dx.Model:
    """The model, not yet released."""
    priors = tuple(
        Prior("clinic", variable, state, value, value, value, PAPER, "verified", EXACT)
        for (variable, state), value in PRIORS.items()
    )
    tables = tuple(
        TableEntry(
            "",
            variable,
            tuple((parent, (of,)) for parent, of in parents.items()),
            state,
            value,
            value,
            value,
            PAPER,
            "verified",
            "a logical or" if variable == "either" else EXACT,
        )
        for (variable, state), rows in TABLES.items()
        for parents, value in rows
    )
    info = ModelInfo(
        name="chest_clinic",
        version="1.0.0",
        title="The chest clinic of Lauritzen and Spiegelhalter",
        licence="CC-BY-4.0",
        intended_use="Teaching, and checking software: the smallest network with risk factors, causes that share a "
        "mechanism, and findings, whose posteriors have been published many times.",
        not_for="Not for patients: the numbers are illustrative and were never measured.",
        entry_criterion="A patient of an imagined chest clinic.",
        populations=(Population("clinic", "Chest clinic", "The imagined patients of the paper's example."),),
        default_population="clinic",
        format=1,
    )
    return dx.Model(
        info,
        VARIABLES,
        priors,
        tables=tables,
        accuracy=ACCURACY,
        tests=(Test("xray", "Chest X-ray", ("xray",), 40, 1, 0.05, 0, GRAIN, "expert", "costs are not in the paper"),),
        cases=CASES,
        sources=SOURCES,
        changes="# 1.0.0\n\nFirst version. Every number stands in `derivation/1.0.0/build.py`.\n",
        notes=NOTES,
    )


def main() -> None:
    """Write the version and its card, or compare."""
    model = dx.release_model(build(), RELEASED)
    if sys.argv[1:] == ["--compare"]:
        print(dx.compare_models(dx.load_model(FOLDER), model))
        return
    dx.save_model(model, FOLDER)
    CARD.write_text(dx.model_card(model), encoding="utf-8")


if __name__ == "__main__":
    main()
