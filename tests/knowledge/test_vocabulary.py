"""What people type for a variable, a state or a number, and what it is read as."""

from __future__ import annotations

import numpy as np
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
        assert WORDS.state("fever", 1, "pyrexia") == WORDS.state("fever", True, "temperature") == "present"

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
