"""What people type for a variable, a state or a number, and what it is read as."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.errors import nearest
from bayesdx.knowledge.schema import Cut, Variable
from bayesdx.knowledge.spelling import compact, fold
from bayesdx.knowledge.vocabulary import Vocabulary


def variable(name: str, states: str = "absent|present", label: str = "", **said: object) -> Variable:
    return Variable(
        name, label or name.replace("_", " ").capitalize(), "history", "", tuple(states.split("|")), "", **said
    )


FEVER = variable(
    "fever",
    synonyms=("pyrexia", "temperature"),
    state_labels=("No fever", "Fever"),
    quantity=("temperature",),
    unit="°C",
    cuts=(Cut(38.0),),
    limits=(30.0, 45.0),
)
MARKERS = variable(
    "markers",
    "normal|raised",
    synonyms=("CRP", "ESR"),
    quantity=("CRP", "C-reactive protein"),
    unit="mg/L",
    cuts=(Cut(10.0),),
    limits=(0.0, 900.0),
)
POWER = variable(
    "power",
    "normal|reduced|severely_reduced",
    quantity=("MRC",),
    cuts=(Cut(5.0, True), Cut(3.0, True)),
    limits=(0.0, 5.0),
)
KNEE = variable("knee_weak", quantity=("MRC of the knee",), cuts=(Cut(5.0, True),), limits=(0.0, 5.0))
WORDS = Vocabulary(
    (
        FEVER,
        MARKERS,
        POWER,
        KNEE,
        variable("onset", "gradual|sudden"),
        variable("diabetes", "no|yes", label="Diabetes mellitus", synonyms=("sugar",)),
        variable("haematoma", label="Haematoma of the psoas", synonyms=("bleed",)),
        variable("ct_haematoma", "negative|positive", label="CT: haematoma", synonyms=("bleed",)),
        variable("stage", "0|1|2"),
        variable("grade", "mild|severe|none", state_labels=("Slight", "Mild", "No grade")),
        variable("ncs", "normal|abnormal", label="Nerve conduction"),
        variable("answered", "true|false"),
    ),
    {"pain_location": ("fever", "onset")},
    "test 1.0.0",
)


class TestSpelling:
    """Two spellings of one word have one folded form."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("anaesthesia", "Anesthesia"),
            ("haematomas", "hematoma"),
            ("tumour", "TUMORS"),
            ("oedema", "edema"),
            ("paraesthesiae", "paresthesias"),
            ("diarrhoea", "diarrhea"),
            ("leucocytes", "leukocyte"),
            ("X-ray", "x ray"),
            ("X-ray", "Xray"),
            ("disk herniations", "disc herniation"),
            ("Lasègue", "Lasegue"),
            ("metastases", "metastasis"),
            ("reflexes", "reflex"),
            ("biopsies", "biopsy"),
            ("fibre", "fibers"),
            ("paralysed", "paralyzed"),
            ("Pott\u2019s", "Potts"),
            ("knee_jerk", "knee  jerk"),
        ],
    )
    def test_spellings_of_one_word(self, one: str, other: str) -> None:
        """Case, accents, hyphens, plurals, British and American forms do not matter."""
        assert compact(one) == compact(other)

    @pytest.mark.parametrize(
        ("one", "other"), [("CES", "ncs"), ("hip", "hips2"), ("pus", "pu"), ("ischial", "sciatic")]
    )
    def test_other_words_stay_apart(self, one: str, other: str) -> None:
        """Folding joins no two words that differ."""
        assert compact(one) != compact(other)

    @given(st.text())
    def test_folding_twice_is_folding_once(self, text: str) -> None:
        """The folded form of any text is a text of words between blanks, and nothing is raised."""
        folded = fold(text)
        assert folded == " ".join(folded.split())
        assert folded == folded.casefold()


class TestVariables:
    """A text means a variable by its name, its label or a synonym."""

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("fever", "fever"),
            ("FEVER", "fever"),
            ("Pyrexia", "fever"),
            ("diabetes mellitus", "diabetes"),
            ("Hematoma", "haematoma"),
            ("CT hematoma", "ct_haematoma"),
            ("Pain location", "pain_location"),
        ],
    )
    def test_one_meaning(self, text: str, name: str) -> None:
        """Whatever the spelling."""
        assert WORDS.resolve(text) == name

    def test_a_synonym_of_two_variables_lists_both(self) -> None:
        """Nothing is guessed."""
        with pytest.raises(dx.FindingsError) as raised:
            WORDS.resolve("Bleed")
        assert str(raised.value) == (
            "'Bleed' may mean 'haematoma' (Haematoma of the psoas) or 'ct_haematoma'; use the name of one of them."
        )

    def test_an_unknown_word_names_the_nearest(self) -> None:
        """By name, by label, or by a word of either."""
        for text, hint in (
            ("fevr", " Did you mean 'fever'?"),
            ("nerve conductions study", " Did you mean 'ncs' (Nerve conduction)?"),
            ("something else", ""),
        ):
            with pytest.raises(dx.FindingsError) as raised:
                WORDS.resolve(text)
            assert str(raised.value) == f"{text!r} is not a variable of test 1.0.0.{hint}"

    @pytest.mark.parametrize("text", ["CES", "nsc", "mcs", "NC", "ONS"])
    def test_an_abbreviation_is_near_to_no_other(self, text: str) -> None:
        """CES never suggests ncs."""
        assert WORDS.hint(text) == ""
        assert nearest(text, ["ncs"]) is None
        assert WORDS.search(text) == []

    def test_what_is_no_text_means_nothing(self) -> None:
        """A number, a tuple, None."""
        for text in (7, ("fever",), None, 1.5):
            assert WORDS.find(text) == ()


class TestStates:
    """A state, its label, yes and no, or a number."""

    @pytest.mark.parametrize(
        ("name", "given", "state"),
        [
            ("fever", "present", "present"),
            ("fever", "No fever", "absent"),
            ("fever", "PRESENT", "present"),
            ("fever", "yes", "present"),
            ("fever", True, "present"),
            ("fever", np.True_, "present"),
            ("fever", 1, "present"),  # no temperature lies there
            ("fever", "0", "absent"),
            ("fever", 38.6, "present"),
            ("fever", 38, "present"),
            ("fever", 37.9, "absent"),
            ("fever", "38.6 °C", "present"),
            ("fever", "38.6C", "present"),
            ("fever", np.float32(39.5), "present"),
            ("diabetes", False, "no"),
            ("diabetes", "No", "no"),
            ("ct_haematoma", "yes", "positive"),
            ("ct_haematoma", 0, "negative"),
            ("answered", "no", "false"),
            ("answered", True, "true"),
            ("power", 5, "normal"),
            ("power", "4", "reduced"),
            ("power", 3, "reduced"),
            ("power", 2.5, "severely_reduced"),
            ("power", "4/5", "reduced"),
            ("power", "2 / 5", "severely_reduced"),
            ("power", "severely reduced", "severely_reduced"),
            ("stage", 2, "2"),
            ("stage", 1.0, "1"),
            ("knee_weak", 1, "present"),  # yes and MRC 1 mean the same
            ("knee_weak", 5, "absent"),
            ("grade", "slight", "mild"),
            ("grade", "mild", "mild"),  # the name of a state goes before the label of another
        ],
    )
    def test_one_reading(self, name: str, given: object, state: str) -> None:
        """Read as one state."""
        assert WORDS.state(name, given) == state

    @pytest.mark.parametrize(
        ("name", "given", "sentence"),
        [
            ("knee_weak", 0, "knee_weak = 0 may mean absent (0 as no) or present (0 MRC of the knee); give the state."),
            ("grade", "Mild", "grade = 'Mild' may mean mild (the state) or severe (its label); give the state."),
            ("onset", "yes", "onset = 'yes' is not a state of onset; its states are gradual, sudden."),
            ("onset", True, "onset = True is not a state of onset; its states are gradual, sudden."),
            ("ncs", 1, "ncs = 1 is not a state of ncs; its states are normal, abnormal."),
            ("markers", 1, "markers = 1 may mean raised (1 as a code) or normal (1 CRP in mg/L); give the state."),
            ("markers", "1,200", "markers = '1,200': write 1.200 or 1200."),
            ("fever", 102, "fever = 102: temperature in °C is a number from 30 to 45."),
            ("fever", "102 F", "fever = '102 F': it is measured in °C, not 'F'."),
            ("fever", "38,6", "fever = '38,6': write a decimal point, 38.6."),
            ("fever", 1e300, "fever = 1e+300: temperature in °C is a number from 30 to 45."),
            (
                "power",
                "4/6",
                "power = '4/6' is not a state of power; its states are normal, reduced, severely_reduced, or MRC "
                "(cuts at <5, <3).",
            ),
            ("markers", "40/900", "markers = '40/900': it is measured in mg/L, not '/900'."),
            ("stage", 3, "stage = 3 is not a state of stage; its states are 0, 1, 2."),
            ("stage", True, "stage = True is not a state of stage; its states are 0, 1, 2."),
            (
                "power",
                "weak",
                "power = 'weak' is not a state of power; its states are normal, reduced, severely_reduced, or MRC "
                "(cuts at <5, <3).",
            ),
        ],
    )
    def test_none_or_two(self, name: str, given: object, sentence: str) -> None:
        """Refused in one sentence that says what can be given."""
        with pytest.raises(dx.FindingsError) as raised:
            WORDS.state(name, given)
        assert str(raised.value) == sentence

    def test_a_number_that_no_float_holds(self) -> None:
        """An integer of any size is refused like another word, and shown in part."""
        for digits in (400, 10_000):
            with pytest.raises(dx.FindingsError, match=r"is not a state of fever; its states are absent, present"):
                WORDS.state("fever", 10**digits)

    def test_a_number_belongs_to_its_quantity(self) -> None:
        """CRP 40 is read, ESR 40 is another quantity."""
        assert WORDS.state("markers", 40, "CRP") == WORDS.state("markers", 40, "markers") == "raised"
        assert WORDS.state("markers", 40, "C-reactive proteins") == "raised"
        assert WORDS.state("markers", "raised", "ESR") == "raised"
        with pytest.raises(dx.FindingsError) as raised:
            WORDS.state("markers", 40, "ESR")
        assert str(raised.value) == ("markers = 40: a number is read as CRP in mg/L; give CRP, or a state of 'ESR'.")

    def test_a_zero_under_a_synonym_is_no_silent_no(self) -> None:
        """A grade of 0 is a paralysis: under a word that is not the quantity both readings are named."""
        with pytest.raises(dx.FindingsError, match=r"may mean absent \(0 as no\) or present \(0 MRC of the knee\)"):
            WORDS.state("knee_weak", 0, "quadriceps weakness")

    def test_under_its_quantity_1_and_0_are_measured(self) -> None:
        """They are not yes and no: a temperature of 1 is no fever, and MRC 0 of the knee is a weak knee."""
        assert WORDS.state("knee_weak", 0, "MRC of the knee") == WORDS.state("knee_weak", "0/5", "MRC of the knee")
        assert WORDS.state("knee_weak", 0, "MRC of the knee") == "present"
        with pytest.raises(dx.FindingsError) as raised:
            WORDS.state("fever", 1, "temperature")
        assert str(raised.value) == "fever = 1: temperature in °C is a number from 30 to 45."
        assert WORDS.state("fever", 1, "pyrexia") == WORDS.state("fever", True, "pyrexia") == "present"

    @pytest.mark.parametrize("answer", [True, False, "yes", "No"])
    def test_a_quantity_is_not_answered_with_yes_or_no(self, answer: object) -> None:
        """Everybody has a temperature; what a truth value of it says is not known."""
        with pytest.raises(dx.FindingsError) as raised:
            WORDS.state("fever", answer, "temperature")
        assert str(raised.value) == (
            f"fever = {answer!r}: temperature in \u00b0C is a number from 30 to 45, or a state: absent, present; "
            "yes and no answer fever."
        )

    @given(st.floats(30, 45))
    def test_a_cut_begins_a_state(self, number: float) -> None:
        """38 and more is fever; no number falls between the states."""
        assert WORDS.state("fever", number) == ("present" if number >= 38 else "absent")

    @given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.binary(), st.lists(st.integers())))
    def test_anything_is_a_state_or_one_sentence(self, given: object) -> None:
        """Whatever is given for whatever variable."""
        for name in WORDS.variables:
            try:
                assert WORDS.state(name, given) in WORDS.variables[name].states
            except dx.FindingsError as error:
                assert str(error).startswith(name)


class TestSearch:
    """What a search shows first."""

    @pytest.mark.parametrize(
        ("words", "first"),
        [
            ("pyrexia", "fever"),
            ("temprature", "fever"),
            ("psoas hematoma", "haematoma"),
            ("ct haematomas", "ct_haematoma"),
            ("nerve", "ncs"),
            ("CRP", "markers"),
            ("severely reduced", "power"),
        ],
    )
    def test_the_best_comes_first(self, words: str, first: str) -> None:
        """By name, label, synonym or state."""
        assert WORDS.search(words)[0].variable.variable == first

    def test_words_that_fit_wholly_score_one(self) -> None:
        """A name, label or synonym in any spelling."""
        for words in ("Haematoma", "bleed", "CT: hematoma"):
            assert WORDS.search(words)[0].score == 1

    @given(st.text(max_size=200))
    def test_any_words(self, words: str) -> None:
        """Scores lie in (0, 1] and fall; nothing is raised."""
        scores = [match.score for match in WORDS.search(words)]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 1 for score in scores)


class TestBounds:
    """Numbers as laboratories and letters write them: bounds, ranges, grades, units."""

    @pytest.mark.parametrize(
        ("name", "given", "states"),
        [
            ("markers", "<5", "normal"),
            ("markers", "< 10 mg/l", "normal"),
            ("markers", "<=10", "normal raised"),
            ("markers", "\u226510", "raised"),
            ("markers", "at least 10 mg/L", "raised"),
            ("markers", "more than 9", "normal raised"),
            ("markers", "under 3", "normal"),
            ("markers", "12+", "raised"),
            ("markers", "0 to 9", "normal"),
            ("markers", "12\u201340 mg/L", "raised"),
            ("fever", "38-39 C", "present"),
            ("fever", "36.5 - 37.5", "absent"),
            ("power", "4+", "reduced"),
            ("power", "5-", "reduced"),
            ("power", "3-", "severely_reduced"),
            ("power", "4-/5", "reduced"),
            ("power", "3-4", "reduced"),
            ("power", "<3", "severely_reduced"),
            ("power", ">=3", "normal reduced"),
        ],
    )
    def test_a_bound_is_the_states_that_it_admits(self, name: str, given: str, states: str) -> None:
        """One state is that state; several of them remain possible; all of them say nothing."""
        admitted = tuple(states.split())
        if len(admitted) == 1:
            assert WORDS.state(name, given) == states
            assert WORDS.band(name, given) == ()
        elif len(admitted) < len(WORDS.variables[name].states):
            assert WORDS.band(name, given) == admitted
            assert WORDS.state_or_none(name, given) is None
        else:
            with pytest.raises(dx.FindingsError, match="leaves every state possible: normal, raised"):
                WORDS.band(name, given)

    @given(st.sampled_from(["<", "<=", ">", ">="]), st.floats(0, 5), st.floats(0, 5))
    def test_every_number_within_a_bound_has_one_of_its_states(self, sign: str, end: float, number: float) -> None:
        """The definition, on a scale of three states."""
        within = {"<": number < end, "<=": number <= end, ">": number > end, ">=": number >= end}[sign]
        try:
            admitted = WORDS.band("power", f"{sign}{end!r}") or (WORDS.state("power", f"{sign}{end!r}"),)
        except dx.FindingsError as error:
            assert not within or "every state" in str(error)
            return
        assert not within or WORDS.variables["power"].state_of(number) in admitted

    @pytest.mark.parametrize(
        ("name", "given", "sentence"),
        [
            ("markers", "<5 mg/dL", "it is measured in mg/L, not 'mg/dL'."),
            ("markers", "12 mg/dL", "it is measured in mg/L, not 'mg/dL'."),
            ("fever", "101 F", "it is measured in \u00b0C, not 'F'."),
            ("markers", "<0", "CRP in mg/L is a number from 0 to 900; no such number lies there."),
            ("markers", "40-20", "CRP in mg/L is a number from 0 to 900; no such number lies there."),
            ("markers", ">1e999", "CRP in mg/L is a number from 0 to 900; no such number lies there."),
            ("markers", "<5,5", "write a decimal point."),
        ],
    )
    def test_another_unit_or_an_empty_range_is_refused(self, name: str, given: str, sentence: str) -> None:
        """The sentence says what is measured."""
        with pytest.raises(dx.FindingsError) as raised:
            WORDS.band(name, given)
            WORDS.state(name, given)
        assert str(raised.value) == f"{name} = {given!r}: {sentence}"

    def test_a_bound_of_another_quantity_is_refused(self) -> None:
        """An ESR below 20 says nothing about CRP."""
        with pytest.raises(dx.FindingsError, match="a number is read as CRP in mg/L; give CRP, or a state of 'ESR'"):
            WORDS.band("markers", "<20", "ESR")
        assert WORDS.state_or_none("markers", "<5", "ESR") is None
        assert WORDS.state_or_none("markers", "<5", "CRP") == "normal"


DRUG = Variable(
    "bleeding_risk",
    "Bleeding risk",
    "context",
    "",
    ("no", "yes"),
    "",
    synonyms=("prone to bleed",),
    state_words=(("yes", ("warfarin", "haemophilia")),),
)
REFLEX = Variable(
    "reflex",
    "Reflex",
    "examination",
    "",
    ("normal", "reduced", "absent"),
    "",
    state_words=(("reduced", ("hyporeflexia",)), ("absent", ("areflexia",))),
)
KIND = Variable(
    "kind", "Kind of lesion", "mechanism", "", ("none", "brain", "cord"), "", state_words=(("brain", ("stroke",)),)
)
PARTS = Vocabulary((DRUG, REFLEX, KIND), {}, "example 1.0.0")


class TestWordsOfStates:
    """A word for one state, or for one way of it: it affirms, and denies nothing."""

    @pytest.mark.parametrize("yes", ["yes", "Yes", True, 1, "1", "present", "positive", "true"])
    def test_yes_says_the_state(self, yes: object) -> None:
        """Warfarin is a bleeding risk; areflexia is an absent reflex."""
        assert PARTS.state("bleeding_risk", yes, "warfarin") == "yes"
        assert PARTS.state("reflex", yes, "areflexia") == "absent"
        assert PARTS.state("reflex", yes, "Hyporeflexia") == "reduced"

    @pytest.mark.parametrize("no", ["no", "No", False, 0, "0", "absent", "negative", "false"])
    def test_no_is_refused(self, no: object) -> None:
        """No warfarin leaves haemophilia; 'areflexia: absent' does not say that the reflex is absent."""
        with pytest.raises(dx.FindingsError) as raised:
            PARTS.state("bleeding_risk", no, "warfarin")
        assert str(raised.value) == (
            f"'warfarin' = {no!r}: 'warfarin' names bleeding_risk = yes (yes) or one way of it, so it takes yes alone; "
            "where no way of it holds, give bleeding_risk = no."
        )
        with pytest.raises(dx.FindingsError, match="give reflex = normal or reduced"):
            PARTS.state("reflex", no, "areflexia")

    def test_a_synonym_still_takes_both(self) -> None:
        """Of a word for the variable itself yes and no are true."""
        assert PARTS.state("bleeding_risk", "no", "prone to bleed") == "no"
        assert PARTS.said_state("bleeding_risk", "prone to bleed") is None
        assert PARTS.said_state("bleeding_risk", "Warfarin") == "yes"

    def test_it_is_a_value_too(self) -> None:
        """Of the variable itself."""
        assert PARTS.state("bleeding_risk", "haemophilia") == "yes"
        assert PARTS.state("kind", "stroke") == "brain"

    @pytest.mark.parametrize("answer", ["yes", "no", True])
    def test_of_a_mechanism_it_is_no_finding(self, answer: object) -> None:
        """A stroke that somebody had need not be the lesion."""
        with pytest.raises(dx.FindingsError) as raised:
            PARTS.state("kind", answer, "stroke")
        assert str(raised.value) == (
            "'stroke' is a word for kind = brain, which is no finding by itself; where it is known to be so, give "
            "kind = 'stroke'."
        )

    @pytest.mark.parametrize("finding", ["fever=febrile", "fever=pyrexia", "fever=Fieber", "trauma=injured"])
    def test_the_opposite_is_never_proposed(self, finding: str) -> None:
        """A word that a state denies leads to no guess; the states are listed anyway."""
        variable, _, word = finding.partition("=")
        with pytest.raises(dx.FindingsError) as raised:
            dx.diagnose(dx.load_model("hip_flexion_weakness"), {variable: word})
        assert "its states are" in str(raised.value) and "Did you mean" not in str(raised.value)

    @pytest.mark.parametrize("word", ["brain stroke", "ischaemic stroke", "strok"])
    def test_the_nearest_state_is_named(self, word: str) -> None:
        """By its name, its label or its words."""
        with pytest.raises(dx.FindingsError, match="Did you mean 'brain'"):
            PARTS.state("kind", word)

    def test_words_that_may_mean_several_are_listed(self) -> None:
        """Each with what it may mean."""
        assert WORDS.shared == {"bleed": ("haematoma", "ct_haematoma")}
        assert PARTS.shared == {}


def test_of_equal_matches_those_that_are_found_out_come_first() -> None:
    """Whoever looks for a word looks for a finding: pain, before what explains it."""
    inhibition = Variable("inhibition", "Pain inhibition", "mechanism", "", ("absent", "present"), "")
    words = Vocabulary((inhibition, variable("pain_back")), {}, "example 1.0.0")
    assert [match.variable.variable for match in words.search("pain")] == ["pain_back", "inhibition"]


@pytest.mark.parametrize(
    "heading", ["date_of_birth", "patient_id", "visit_date", "diagnosis", "diagnosis_date", "height"]
)
def test_a_heading_that_is_like_no_variable_has_no_nearest_name(heading: str) -> None:
    """A name with a few letters in common is no name misspelt, and "other diagnosis" is not what "diagnosis" says."""
    assert dx.load_model("hip_flexion_weakness@3.0.0").vocabulary.hint(heading) == ""


@pytest.mark.parametrize(
    "given", ["1950-01-02", "1950-01-02T10:30", "02.01.1950", "1/2/1950", "2 Jan 1950", pd.Timestamp("1950-01-02")]
)
def test_a_date_where_a_number_is_measured_is_called_a_date(given: object) -> None:
    """A date of birth is no age, and not an age in a strange unit."""
    words = dx.load_model("hip_flexion_weakness@3.0.0").vocabulary
    with pytest.raises(dx.FindingsError) as raised:
        words.state("age_group", given)
    assert str(raised.value) == f"age_group = {given!r}: that is a date, not age in years."


@pytest.mark.parametrize("given", ["unknown", "N/A", "na", "-", "not  done"])
def test_a_word_for_what_is_not_known_is_answered_with_what_is_understood(given: str) -> None:
    """An empty cell, or a question mark: the two are different things."""
    words = dx.load_model("hip_flexion_weakness@1.0.0").vocabulary
    with pytest.raises(dx.FindingsError) as raised:
        words.state("onset", given)
    assert str(raised.value) == (
        f"onset = {given!r} is not a state of onset; its states are gradual, sudden. What is not known is left out, or "
        "an empty cell; ? (UNKNOWN in Python) says that it was asked."
    )


@pytest.mark.parametrize("limit", ["x", 0, 2.5, None, True])
def test_the_limit_of_a_search_is_a_whole_number(limit: object) -> None:
    """Anything else is named."""
    with pytest.raises(dx.FindingsError, match=r"find_variables: limit = .+; expected a whole number of at least 1\."):
        dx.find_variables("chest_clinic", "cough", limit)  # type: ignore[arg-type]


def test_a_vocabulary_is_copied_and_pickled() -> None:
    """The copy reads the same words."""
    vocabulary = dx.load_model("hip_flexion_weakness@3.0.0").vocabulary
    shared = vocabulary.shared
    for copied in (copy.copy(vocabulary), copy.deepcopy(vocabulary), pickle.loads(pickle.dumps(vocabulary))):
        assert copied.shared == shared and copied.title == vocabulary.title
        assert copied.variables == vocabulary.variables and copied.groups == vocabulary.groups
