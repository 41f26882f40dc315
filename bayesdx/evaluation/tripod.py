"""The items of TRIPOD+AI, and what a model folder answers to each.

G. S. Collins et al. (2024), "TRIPOD+AI statement: updated guidance for reporting clinical prediction models that use
regression or machine learning methods", BMJ 385, e078378.

What the tables of a folder do not answer, its NOTES.md may, in a section called TRIPOD+AI with lines such as
``- 18a: no funding``; such a line also replaces an answer from the tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bayesdx.display.blocks import Block, Items, Title
from bayesdx.knowledge.model import Model

NOT_REPORTED = "not reported"

TOPICS = {
    "1": "Title",
    "2": "Abstract",
    "3a": "Background and rationale",
    "3b": "Target population and intended users",
    "3c": "Known health inequalities",
    "4": "Objectives",
    "5a": "Sources of data",
    "5b": "Dates of the data",
    "6a": "Setting",
    "6b": "Eligibility",
    "6c": "Treatments received",
    "7": "Preparation of data",
    "8a": "Outcome and its assessment",
    "8b": "Assessors of a subjective outcome",
    "8c": "Blinding of outcome assessment",
    "9a": "Choice of predictors",
    "9b": "Definition of predictors",
    "9c": "Assessors of subjective predictors",
    "10": "Sample size",
    "11": "Missing data",
    "12a": "How data were used for development and evaluation",
    "12b": "How predictors were handled",
    "12c": "Type of model and how it was built",
    "12d": "Heterogeneity across clusters",
    "12e": "Measures of performance",
    "12f": "Updating of the model",
    "12g": "How predictions are calculated",
    "13": "Class imbalance",
    "14": "Fairness",
    "15": "Output of the model and thresholds",
    "16": "Differences between development and evaluation",
    "17": "Ethical approval",
    "18a": "Funding",
    "18b": "Conflicts of interest",
    "18c": "Protocol",
    "18d": "Registration",
    "18e": "Availability of data",
    "18f": "Availability of code",
    "19": "Involvement of patients and the public",
    "20a": "Flow of participants",
    "20b": "Characteristics of participants",
    "20c": "Comparison with the development data",
    "21": "Participants and events in each analysis",
    "22": "Specification of the full model",
    "23a": "Performance with intervals",
    "23b": "Heterogeneity of performance",
    "24": "Results of updating",
    "25": "Interpretation",
    "26": "Limitations",
    "27a": "Input of poor quality or unavailable",
    "27b": "Interaction with the user and expertise needed",
    "27c": "Next steps",
}
"""Number and topic of each item, in our words."""


def answers(model: Model, notes: Mapping[str, str], *, has_notes: bool, has_cases: bool) -> list[tuple[str, str, str]]:
    """(number, topic, answer) of every item.

    Parameters
    ----------
    model : Model
    notes : mapping of number to answer
        What NOTES.md says.
    has_notes : bool
        Whether NOTES.md names weaknesses.
    has_cases : bool
        Whether there are results on cases.
    """
    own = _from_tables(model)
    if has_notes:
        own["26"] = "see Known weaknesses"
    if has_cases:
        own["12e"] = "ranks, recall of must-not-miss causes, logarithmic and Brier score, with bootstrap intervals"
        own["23a"] = "see Results on cases"
    return [(number, topic, notes.get(number) or own.get(number) or NOT_REPORTED) for number, topic in TOPICS.items()]


def _from_tables(model: Model) -> dict[str, str]:
    info = model.info
    years = [source.year for source in model.sources if source.year]
    causes = [variable for variable in model.variables if variable.kind == "cause"]
    predictors = [variable for variable in model.variables if variable.kind not in ("cause", "mechanism")]
    uses = [case.use for case in model.cases]
    known = f"{uses.count('seen')} not used but known from an earlier version, " if "seen" in uses else ""
    split = f"{uses.count('tuning')} cases seen while the model was made, {known}{uses.count('held_out')} kept out"
    parent = f"made from version {info.parent_version}; see CHANGES.md" if info.parent_version else ""
    return {
        "1": info.title,
        "3b": info.intended_use,
        "5a": f"{len(model.sources)} sources; see Sources by design of study and References",
        "5b": f"publications of {min(years)} to {max(years)}" if years else "",
        "6a": "; ".join(population.title for population in info.populations),
        "6b": info.entry_criterion,
        "8a": _defined(causes, "causes"),
        "9b": _defined(predictors, "contexts and findings"),
        "11": "a finding that was not observed is left out of the evidence; nothing is imputed",
        "12a": split if uses else "",
        "12b": "states in order, as listed under Variables",
        "12c": "Bayesian network of leaky noisy-OR and noisy-MAX gates and full tables; its numbers are published or "
        "judged, each with interval, source and status",
        "12f": parent,
        "12g": "exact propagation of the findings through the network",
        "15": "probability of every cause given the findings, with red flags; thresholds for steps of care in "
        "management.csv"
        if model.management
        else "probability of every cause given the findings",
        "18e": f"every number is in the model folder, under {info.licence}",
        "18f": "bayesdx, an open-source Python package",
        "21": split if uses else "",
        "22": f"the model folder with content hash {model.hash}",
        "24": parent,
        "27a": "unknown names and states are refused; findings that cannot occur together are an error; uncertain "
        "findings may be given as several states or as likelihoods",
    }


def _defined(variables: Sequence[object], what: str) -> str:
    count = sum(bool(getattr(variable, "definition", "")) for variable in variables)
    return f"{count} of {len(variables)} {what} have a definition in variables.csv" if variables else ""


def split_notes(blocks: Sequence[Block]) -> tuple[tuple[Block, ...], dict[str, str]]:
    """The blocks of NOTES.md without its section TRIPOD+AI, and that section's answers by number.

    Examples
    --------
    >>> split_notes([Title("TRIPOD+AI", 3), Items(("18a: no funding",))])
    ((), {'18a': 'no funding'})
    """
    kept: list[Block] = []
    found: dict[str, str] = {}
    level = 0
    for block in blocks:
        if isinstance(block, Title) and (not level or block.level <= level):
            level = block.level if block.text.strip().casefold() == "tripod+ai" else 0
            if level:
                continue
        if level and isinstance(block, Items):
            for text in block.texts:
                number, colon, answer = text.partition(":")
                if colon and number.strip() in TOPICS:
                    found[number.strip()] = answer.strip()
        elif not level:
            kept.append(block)
    return tuple(kept), found
