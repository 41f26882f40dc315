"""The versions with a main cause that are in the tree, and what was recorded of each when it was made."""

import csv
import runpy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import bayesdx as dx

ROOT = Path(__file__).parents[2] / "models" / "hip_flexion_weakness"
RULES = runpy.run_path(str(ROOT / "derivation" / "rules.py"))


@dataclass(frozen=True)
class Version:
    """A version, its derivation and its record."""

    number: str
    before: tuple[str, ...]
    """Versions whose tables it takes over, from the oldest."""
    cells: int
    """Cells of the junction tree."""
    largest_clique: int
    inside: int
    """Published figures that it reproduces."""
    results: dict[tuple[str, str], tuple[int, int, int, float]]
    """Part of the cases and findings given: cases, first, among the first three, must-not-miss causes found."""
    missed: frozenset[str]
    """Cases whose main cause ranks below the third place with all findings: known weaknesses, none hidden."""

    @property
    def folder(self) -> Path:
        return ROOT / self.number

    @property
    def derivation(self) -> Path:
        return ROOT / "derivation" / self.number

    @cached_property
    def model(self):
        return dx.load_model(self.folder)

    @cached_property
    def evidence(self):
        """Its tables, with the rows of the versions before."""
        return RULES["Evidence"](*(ROOT / "derivation" / number for number in (*self.before, self.number)))

    def own(self, name: str) -> list[dict[str, str]]:
        """The rows that it changes or adds."""
        with (self.derivation / "evidence" / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def shares(self) -> dict[tuple[str, str], float]:
        """P(main cause) by population and cause, as the evidence says."""
        return {key: known.value for key, known in RULES["shares"](self.evidence).items()}

    @cached_property
    def cases(self):
        """The results on its cases."""
        return dx.check_cases(self.model)


V2_2_1 = Version(
    number="2.2.1",
    before=("2.0.0", "2.1.0", "2.2.0"),
    cells=5_780,
    largest_clique=1_088,
    inside=110,
    results={
        ("tuning", "all findings"): (31, 24, 30, 7),
        ("tuning", "history and examination"): (31, 18, 24, 6),
        ("seen", "all findings"): (108, 72, 94, 29),
        ("seen", "history and examination"): (108, 56, 79, 29),
        ("held_out", "all findings"): (65, 36, 51, 19),
        ("held_out", "history and examination"): (65, 26, 41, 18),
    },
    missed=frozenset({
        "adductor_pyomyositis_fall_39f_aapmr",
        "avascular_necrosis_primary_care_37m_2021",
        "bilateral_psoas_abscess_45f_westjem",
        "calcific_rectus_femoris_soccer_23m_2010",
        "ces_posterior_disc_l23_74m_2012",
        "ces_postoperative_haematoma_46m_2025",
        "ces_postoperative_haematoma_69f_2012",
        "chronic_psoas_syndrome_heel_lift_79m",
        "disc_posterior_migration_l23_76m_2018",
        "epidural_abscess_diabetes_70m_2014",
        "extraforaminal_disc_l34_62m_2024",
        "hip_oa_psoas_atrophy_54f",
        "iliacus_tear_leg_lifts_45m_2016",
        "iliopsoas_haematoma_covid_thr_70sf_2023",
        "iliopsoas_tendinitis_climber_26",
        "iliopsoas_tendon_rupture_warfarin_90f",
        "occult_femoral_neck_fracture_55f",
        "posterior_disc_fragment_claudication_1999",
        "proximal_psoas_strain_soccer_27m",
        "psoas_abscess_fish_bone_66f_emnews",
        "psoas_abscess_urgent_care_62f_2023",
        "psoas_syndrome_omt_48m_2012",
        "spondylodiscitis_psoas_abscess_59m",
        "stress_fracture_femoral_neck_runner_38m_acsm",
        "tuberculous_psoas_abscess_38f_2022",
        "tuberculous_psoas_gp_45m_2019",
        "tuberculous_psoas_postpartum_34f_2018",
        "zoster_paresis_l23_74m_2016",
        "zoster_paresis_l34_80f_2022",
    }),
)  # fmt: skip

V2_3_0 = replace(V2_2_1, number="2.3.0", before=("2.0.0", "2.1.0", "2.2.0", "2.2.1"))
"""Words, steps of care and tests; no number of the network moves, so its record is that of 2.2.1."""

VERSIONS = (V2_2_1, V2_3_0)
