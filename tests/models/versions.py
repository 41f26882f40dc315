"""The versions of the flagship that have a main cause, and what was recorded of each when it was made."""

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


V2_0_0 = Version(
    number="2.0.0",
    before=(),
    cells=15_668,
    largest_clique=912,
    inside=95,
    results={
        ("tuning", "all findings"): (31, 23, 30, 7),
        ("tuning", "history and examination"): (31, 16, 23, 7),
        ("held_out", "all findings"): (37, 26, 30, 10),
        ("held_out", "history and examination"): (37, 20, 27, 10),
    },
    missed=frozenset({
        "bilateral_femoral_stretch_found_down_47m",
        "cam_hip_field_hockey_19f",
        "chronic_psoas_syndrome_heel_lift_79m",
        "femoral_neck_fracture_triathlete_31f",
        "hip_oa_psoas_atrophy_54f",
        "iliopsoas_bursitis_mistaken_appendicitis_29m",
        "occult_femoral_neck_fracture_55f",
        "psoas_syndrome_omt_48m_2012",
    }),
)  # fmt: skip

V2_1_0 = Version(
    number="2.1.0",
    before=("2.0.0",),
    cells=18_248,
    largest_clique=1_056,
    inside=102,
    results={
        ("tuning", "all findings"): (31, 23, 29, 7),
        ("tuning", "history and examination"): (31, 17, 24, 6),
        ("seen", "all findings"): (37, 25, 31, 10),
        ("seen", "history and examination"): (37, 20, 26, 10),
        ("held_out", "all findings"): (71, 40, 51, 18),
        ("held_out", "history and examination"): (71, 31, 42, 18),
    },
    missed=frozenset({
        "aiis_avulsion_18m_hss",
        "aiis_avulsion_ironman_36f",
        "avascular_necrosis_dodgeball_27m",
        "avascular_necrosis_primary_care_37m_2021",
        "bilateral_femoral_stretch_found_down_47m",
        "bilateral_psoas_abscess_45f_westjem",
        "calcific_rectus_femoris_38f_2015",
        "calcific_rectus_femoris_54f_2022",
        "calcific_rectus_femoris_soccer_23m_2010",
        "cam_hip_field_hockey_19f",
        "chronic_psoas_syndrome_heel_lift_79m",
        "femoral_stress_fracture_cross_country_18m_amssm",
        "hip_flexion_failure_hcc_metastasis_75m",
        "hip_oa_psoas_atrophy_54f",
        "iliopsoas_tendon_rupture_warfarin_90f",
        "lesser_trochanter_avulsion_baseball_40m_2022",
        "lesser_trochanter_breast_metastasis_61f",
        "lesser_trochanter_metastasis_75m_2014",
        "malignant_psoas_bladder_58f_2019",
        "obturator_hernia_thigh_knee_83f_2019",
        "occult_femoral_neck_fracture_55f",
        "occult_femur_fracture_as_sciatica_51m_2023",
        "osteonecrosis_steroid_colitis_31f_2008",
        "posterior_disc_fragment_claudication_1999",
        "psoas_abscess_urgent_care_62f_2023",
        "psoas_syndrome_omt_48m_2012",
        "stress_fracture_femoral_neck_runner_38m_acsm",
        "tuberculous_psoas_abscess_38f_2022",
    }),
)  # fmt: skip

V2_2_0 = Version(
    number="2.2.0",
    before=("2.0.0", "2.1.0"),
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

V2_2_1 = replace(V2_2_0, number="2.2.1", before=("2.0.0", "2.1.0", "2.2.0"))
"""Other intervals, the same values: its record is that of 2.2.0."""

VERSIONS = (V2_0_0, V2_1_0, V2_2_0, V2_2_1)
