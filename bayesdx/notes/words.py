"""Words of the language of notes: what denies, doubts, grades and places a finding, whatever the finding is.

Words of a domain (what a finding is called) stand in the variables.csv of a model, never here. Entries are looked up by
``stem_of``, so that one entry stands for its plural, its adverb and its participles.
"""

from __future__ import annotations

from bayesdx.notes.stems import stem_of


def _list(text: str) -> list[str]:
    return text.split()


def words_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(_list(text))


LITTLE = words_of(
    """a an the of in on at to for by with from into over down up his her their its my our your he she they it this
    that these those there which who whom as is are was were be been being has had have having do does did also
    very quite rather some any all incl including i e g eg ie s t feel felt feels remain remains became becomes
    become get gets got whole entire each when while during after before since then so just only same about around
    approx approximately patient pt lady woman man girl boy mr mrs ms dr"""
)
"""Words that may stand between the words of a finding without counting."""

KEPT = frozenset(("up", "off", "out"))
"""Little words that make another finding of one: start-up pain."""

TOO_COMMON = frozenset(("weight", "both", "b", "appetit", "constitutional", "car", "gait", "reflex", "anus"))
"""Stems that do not stand for an examination by themselves."""

SIDES = {"left": "left", "lt": "left", "right": "right", "rt": "right"}
SIDE_LETTERS = {"L": "left", "R": "right"}
NOT_A_SIDE_BEFORE = frozenset(("hand", "handed", "away", "now", "hospital", "home", "him", "her", "the", "school"))
BOTH = frozenset(("both", "bilat", "bilateral", "bilaterally", "either"))

SAME: dict[str, str] = {
    **dict.fromkeys(("anterior", "front", "ant", "anteriorly", "anteromedial", "anterolateral"), "anterior"),
    **dict.fromkeys(("lateral", "outer", "outside"), "lateral"),
    **dict.fromkeys(("medial", "inner", "inside"), "medial"),
    **dict.fromkeys(("posterior", "posteriorly", "posterolateral", "posteromedial"), "posterior"),
    **dict.fromkeys(("int",), "internal"),
    **dict.fromkeys(BOTH, "both"),
    **dict.fromkeys(("lower",), "low"),
    **dict.fromkeys(("mri", "magnetic"), "mri"),
    **dict.fromkeys(("ct", "cect", "tomography", "tomographic"), "ct"),
    **dict.fromkeys(("us", "uss", "ultrasound", "sonography", "sonogram", "sonographic"), "ultrasound"),
    **dict.fromkeys(("xr", "xray", "radiograph", "radiography", "film", "xrays"), "radiograph"),
    **dict.fromkeys(("unable", "cant", "couldnt", "cannot", "inability", "impossible", "incapable", "wont"), "cannot"),
    **dict.fromkeys(("able", "can"), "can"),
    **dict.fromkeys(("ache", "aching", "achy", "discomfort", "painful", "sore", "pain"), "pain"),
    **dict.fromkeys(
        ("reduced", "reduction", "limited", "limitation", "restricted", "restriction", "decreased", "diminished",
         "diminution", "depressed", "impaired", "impairment", "loss", "lost", "lack", "lessened"), "reduced",
    ),
    **dict.fromkeys(("elevated", "increased", "elevation"), "raised"),
    **dict.fromkeys(("weak", "weakness", "weakened", "paresis", "paretic"), "weak"),
    **dict.fromkeys(
        ("dysfunction", "trouble", "problem", "disturbance", "disturbed", "complaint", "symptom", "difficulty",
         "involvement", "issue", "upset", "change", "sx"), "problem",
    ),
    "wt": "weight",
    **dict.fromkeys(("jerk", "reflex"), "reflex"),
    **dict.fromkeys(("power", "strength"), "power"),
}  # fmt: skip
"""Words of one meaning in notes; what they are all read as."""

MODALITIES = {"mri": "MRI", "ct": "CT", "ultrasound": "ultrasound", "radiograph": "X-ray"}
"""Kinds of imaging, in the spelling of ``SAME``."""

IMAGING = ("imaging",)
"""Words of a model that stand for every kind of imaging but X-ray."""

TEST_NOUNS = words_of(
    """test sign study exam examination count level scan imaging radiograph mri ct ultrasound grade rate
    manoeuvre maneuver reaction response stretch bend"""
)
"""Nouns that name an examination: such a mention says nothing without its result."""

DIRECTIONS = frozenset(("anterior", "posterior", "lateral", "medial"))

PARTS: dict[str, frozenset[str]] = {
    "leg": words_of("leg thigh knee shin calf ankle foot feet toe limb extremity"),
    "arm": words_of("arm shoulder elbow forearm wrist hand finger thumb limb extremity"),
    "head": words_of("head face eye ear jaw tongue scalp mouth"),
    "pelvis": words_of(
        """saddle perineum perineal perianal anus anal genital genitals scrotum scrotal penis penile vulva vulval
        bottom pelvis pelvic gluteal fossa axilla"""
    ),
    "trunk": words_of("neck chest rib breast throat abdomen abdominal belly flank sternum thoracic cervical"),
}
"""Regions of the body and what is part of them."""

OF_A_BONE = frozenset(("femoral", "humeral", "radial", "surgical", "of"))
"""Beside "neck" or "head": it is that of a bone."""

REGIONS = frozenset(part for parts in PARTS.values() for part in parts) | frozenset(PARTS) | frozenset(
    ("hip", "groin", "buttock", "back", "forearms", "arms")
)  # fmt: skip

SOUND_AFTER = words_of("painless normal negative unremarkable nad")
"""Right behind the name of a complaint these deny it."""

FINE, LESS, MORE, NONE, POSITIVE, NEGATIVE, ODD, STRONG = (
    "fine", "less", "more", "none", "positive", "negative", "odd", "strong",
)  # fmt: skip

OUTCOMES = frozenset((FINE, NONE, POSITIVE, NEGATIVE))
"""Grades that are a result by themselves, while "reduced" may be a part of what is denied: weight loss."""

_GRADES = {
    FINE: """normal intact full fully strong preserved unremarkable fine ok okay nad symmetrical symmetric equal free
    freely unrestricted unlimited good wnl unaffected spared maintained present painless normally elicitable""",
    LESS: "reduced weak low poor sluggish lax subnormal faint",
    MORE: "raised high brisk exaggerated",
    NONE: "absent nil none gone missing unobtainable areflexic areflexia zero nothing",
    POSITIVE: "positive pos +ve",
    NEGATIVE: "negative neg -ve −ve –ve",
    ODD: "abnormal pathological deranged",
}
_SAME_STEMS = {stem_of(word): same for word, same in SAME.items()}


def canonical(word: str) -> str:
    """The stem of a word, or the one that stands for all words of its meaning.

    Examples
    --------
    >>> canonical("Front"), canonical("restricted"), canonical("numbness")
    ('anterior', 'reduced', 'numb')
    """
    if word == "raised":  # a raised leg is not a leg raise
        return word
    stem = stem_of(word)
    return _SAME_STEMS.get(stem, stem)


GRADES: dict[str, str] = {canonical(word) or word: grade for grade, text in _GRADES.items() for word in text.split()}
"""Words that say how an examination came out."""

DEFICITS = frozenset((*(stem for stem, grade in GRADES.items() if grade in (LESS, MORE, NONE)), "problem"))
"""Words that make the name of a finding out of the name of what is examined: weakness of X, reduced X."""

STRONGER = frozenset(map(stem_of, ("very", "severely", "severe", "markedly", "profoundly", "profound", "paralysed")))

SUDDEN = {stem_of(word) for word in words_of("sudden abrupt hyperacute overnight instantaneous")}
ACUTE = {stem_of(word) for word in words_of("acute immediate")}
GRADUAL = {stem_of(word) for word in words_of("gradual insidious")}
CREEPING = {stem_of(word) for word in words_of("progressive worsening increasing worse slow")}
RAPID = {stem_of(word) for word in words_of("rapid fast suddenly quickly acute acutely")}

NO = frozenset(("no", "without", "nil", "never", "neither", "nor", "non", "sans"))
TOWARDS = frozenset(("to", "into", "down", "towards", "toward"))
"""Pain that radiates to a place is pain there."""

PLACED = words_of("in of over to into at down on across around from along behind under above below within")
"""Prepositions between a complaint and its place."""

NOT = frozenset(
    ("not", "doesnt", "didnt", "hasnt", "hadnt", "isnt", "wasnt", "arent", "werent", "havent", "wont", "dont")
)
DENY = frozenset(("denies", "denied", "denying", "deny"))
NOT_DENIED_AFTER = words_of(
    """change changes improvement improvements increase difference doubt relief better help only response benefit
    further progress"""
)
"""After "no" or "not" these deny something else than the finding."""

ENDS_DENIAL = words_of(
    """but however although though except apart yet whereas now reports reported complains complaining presents
    presented takes uses"""
)
VERBS = words_of("is are was were has had have he she they there can could developed noticed feels")

DENIED_AFTER = frozenset(("absent", "nil", "none", "negative", "neg", "no", "denied", "excluded", "-ve"))
PASSIVE = frozenset(("be", "been", "being", "is", "was", "were", "are", "not"))
AFTER_VERB = PLACED | frozenset(("by", "with", "via", "after", "and", "or", "but", "so", "as", "since", "today"))
JOINS = frozenset(("and", "or", "nor", "incl", "including"))
"""Words between the members of a list."""

NEW_CLAUSE = words_of(
    """but however although though since until last because he she they whereas who man woman lady gentleman girl boy
    male female patient pt"""
)
"""No finding reaches over these."""

GONE = frozenset(("resolved", "settled", "disappeared", "subsided", "recovered"))

DOUBT = words_of(
    """possible possibly probable probably query suspected suspect suspicion suspicious likely perhaps maybe may
    might questionable doubtful exclude consider concern concerned ddx differential unclear unsure uncertain if
    should risk watch screen screening monitor advised apparently vague"""
)
DOUBT_AFTER = words_of(
    "possible equivocal doubtful uncertain unclear untested requested awaited pending suspected questionable"
)
ASSESS = frozenset(("assess", "assessed", "test", "tested", "examine", "examined", "excluded"))
HARDLY = frozenset(("not", "cannot", "difficult", "hard", "unable", "cant", "couldnt", "impossible"))
"""Before "assess": nobody knows."""

FAMILY = words_of(
    """mother mum mom mothers father dad fathers brother brothers sister sisters sibling siblings uncle aunt cousin
    grandmother grandfather grandma grandad grandparent grandparents son sons daughter daughters wife husband
    partner spouse parent parents niece nephew family familial maternal paternal twin fh fhx mums dads wifes
    husbands"""
)
REPORTS = frozenset(
    [
        "reports",
        "reported",
        "says",
        "said",
        "states",
        "stated",
        "noticed",
        "noticing",
        "notes",
        "noted",
        "tells",
        "told",
        "confirms",
        "adds",
        "thinks",
        "found",
        "who",
        "brought",
        "called",
    ]
)
PATIENT = frozenset(("he", "she", "patient", "pt", "himself", "herself"))

SECTIONS: dict[str, str] = {
    **dict.fromkeys(("family history", "fh", "fhx", "fam hx", "family hx"), "family"),
    **dict.fromkeys(
        ("plan", "p", "recommendation", "advice", "safety net", "management", "to do", "follow up", "next step",
         "indication", "request", "question", "differential diagnosis", "differential", "ddx", "query"), "plan",
    ),
    **dict.fromkeys(
        ("impression", "imp", "assessment", "a", "diagnosis", "dx", "working diagnosis", "conclusion", "opinion"),
        "impression",
    ),
    **dict.fromkeys(("pmh", "pmhx", "past medical history", "past history", "medical history", "pmx"), "past"),
}  # fmt: skip
"""Headings after which a statement is not one about this patient now."""

RESUMES = words_of("on o exam examination he she there today now clinically examined currently")
"""First words of a statement that is about the patient again, whatever section came before."""

HEADINGS = words_of(
    """s o e oe exam examination obs observations history hx hpi hpc pc clinical details report findings subjective
    objective on neuro bloods labs imaging results social sh dh drugs medication allergies mri ct xr xray us
    radiograph"""
)

MEASURES: dict[str, tuple[str, ...]] = {"temperature": ("t", "temp")}
"""Short forms of measured quantities; read only right before a number."""

UNITS: dict[str, tuple[str, float, float]] = {
    "c": ("°C", 1.0, 0.0),
    "°c": ("°C", 1.0, 0.0),
    "ºc": ("°C", 1.0, 0.0),
    "celsius": ("°C", 1.0, 0.0),
    "f": ("°C", 5 / 9, -160 / 9),
    "°f": ("°C", 5 / 9, -160 / 9),
    "°": ("degrees", 1.0, 0.0),
    "º": ("degrees", 1.0, 0.0),
    "deg": ("degrees", 1.0, 0.0),
    "degree": ("degrees", 1.0, 0.0),
    "degrees": ("degrees", 1.0, 0.0),
    "ml": ("mL", 1.0, 0.0),
    "mls": ("mL", 1.0, 0.0),
    "cc": ("mL", 1.0, 0.0),
    "l": ("mL", 1000.0, 0.0),
    "litre": ("mL", 1000.0, 0.0),
    "litres": ("mL", 1000.0, 0.0),
    "mg/l": ("mg/L", 1.0, 0.0),
    "mg/dl": ("mg/L", 10.0, 0.0),
    "g/l": ("g/L", 1.0, 0.0),
    "/ul": ("10^9/L", 0.001, 0.0),
    "/µl": ("10^9/L", 0.001, 0.0),
    "/mm3": ("10^9/L", 0.001, 0.0),
    "x10^9/l": ("10^9/L", 1.0, 0.0),
    "x10e9/l": ("10^9/L", 1.0, 0.0),
    "x109/l": ("10^9/L", 1.0, 0.0),
    "k/ul": ("10^9/L", 1.0, 0.0),
    "years": ("years", 1.0, 0.0),
}
"""A unit as it is written -> the unit that it is read as, factor and offset of the conversion."""

DURATIONS = words_of(
    """day days week weeks month months year years hour hours hr hrs min mins minute minutes d w wk wks am pm ago yr
    yrs times cm mm kg lb lbs stone pack packs yards metres miles steps mg mcg g units bd od tds percent"""
)
"""After a number: it counts time, length, weight or a dose."""

FRACTIONS_OF_TIME = frozenset((7, 12, 24, 52))
"""x/7 days, x/12 months, x/24 hours, x/52 weeks."""

ONES = {
    word: value
    for value, word in enumerate(
        _list("""zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen""")
    )
}
TENS = {
    word: 10 * value
    for value, word in enumerate(_list("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}
DECADES = {
    "twenties": 20, "thirties": 30, "forties": 40, "fifties": 50, "sixties": 60, "seventies": 70, "eighties": 80,
    "nineties": 90,
}  # fmt: skip

REGION_STEMS = frozenset(map(canonical, REGIONS))
SPINE_STEMS = frozenset(map(canonical, ("spine", "spinal", "lumbar", "lumbosacral", "sacral")))
PART_STEMS = {whole: frozenset(map(canonical, parts)) for whole, parts in PARTS.items()}
FOREIGN_STEMS = frozenset().union(*(PART_STEMS[whole] for whole in ("arm", "head", "trunk", "pelvis"))) - {
    canonical("limb"),
    canonical("extremity"),
}
TRUNK_STEMS = frozenset(map(canonical, ("hip", "groin", "buttock", "back")))
LACKING_WHEN_NOT = frozenset(map(canonical, ("elicitable", "present", "obtainable")))
"""What is not elicitable is absent, not abnormal."""


def without_prefix(word: str) -> list[str]:
    """What a word that begins with a denying "a" may deny.

    Examples
    --------
    >>> without_prefix("apyrexial"), without_prefix("atraumatic")
    (['pyrexial'], ['traumatic', 'trauma'])
    """
    rest = word[1:]
    found = [canonical(rest)]
    if rest.endswith("tic"):
        found.append(canonical(rest.removesuffix("tic")))
    return found
