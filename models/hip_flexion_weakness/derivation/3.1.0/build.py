"""Builds hip_flexion_weakness 3.1.0 from the tables in ``evidence/``; DERIVATION.md has the rules.

python models/hip_flexion_weakness/derivation/3.1.0/build.py            # compare with the folder of the version
python models/hip_flexion_weakness/derivation/3.1.0/build.py FOLDER     # write a new folder
"""

import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import one_cause
import rules

VERSION = one_cause.Version(
    here=Path(__file__).parent,
    parent="3.0.1",
    settings=one_cause.Settings(temper=0.9, prior=0.75),
    not_blank={
        ("septic_hip", "white_cell_count"): "only infected prostheses were counted",
        ("fracture", "unable_to_bear_weight"): "only falls of the old were counted",
        ("muscle_disease", "creatine_kinase"): "only myositis was counted",
        ("osteonecrosis", "xray_hip"): "secondary arthritis of late stages",
        ("polyradiculoneuropathy", "arm_weakness"): "only the acute form was counted, at any time",
        ("polyradiculoneuropathy", "head_signs"): "only the acute form was counted, at the maximum",
        ("artery", "leg_pulses"): "only occlusions were counted",
        ("artery", "pain_low_back"): "only ruptures were counted",
        ("artery", "shock"): "only ruptures were counted",
        ("cord_acute", "bladder_bowel_dysfunction"): "only infarctions were counted, at the nadir",
        ("cord_acute", "unable_to_bear_weight"): "only infarctions were counted, at the nadir",
        ("cord_acute", "mri_cord_lesion"): "only infarctions were counted",
        ("brain_slow", "head_signs"): "only subdural haematomas were counted",
        ("polyradiculoneuropathy", "lumbar_puncture"): "only the acute form was counted",
        ("polyradiculoneuropathy", "ncs"): "only the acute form was counted",
    },
    backgrounds=(
        "bladder_bowel_dysfunction", "inflammatory_markers", "mri_canal_stenosis", "post_void_residual", "xray_hip",
    ),
    heterogeneity=0.63,
    with_new_cases=True,
)  # fmt: skip

if __name__ == "__main__":
    rules.main(VERSION.build(), date(2026, 12, 1))
