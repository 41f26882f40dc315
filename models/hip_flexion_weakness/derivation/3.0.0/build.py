"""Builds hip_flexion_weakness 3.0.0 from the tables in ``evidence/``; DERIVATION.md has the rules.

python models/hip_flexion_weakness/derivation/3.0.0/build.py            # compare with the folder of the version
python models/hip_flexion_weakness/derivation/3.0.0/build.py FOLDER     # write a new folder
"""

import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import one_cause
import rules

VERSION = one_cause.Version(
    here=Path(__file__).parent,
    parent="2.3.0",
    settings=one_cause.Settings(temper=0.9, prior=0.75),
    not_blank={
        ("septic_hip", "white_cell_count"): "only infected prostheses were counted",
        ("fracture", "unable_to_bear_weight"): "only falls of the old were counted",
        ("muscle_disease", "creatine_kinase"): "only myositis was counted",
        ("osteonecrosis", "xray_hip"): "secondary arthritis of late stages",
    },
    backgrounds=(
        "bladder_bowel_dysfunction", "inflammatory_markers", "mri_canal_stenosis", "post_void_residual", "xray_hip",
    ),
    heterogeneity=0.63,
)  # fmt: skip

if __name__ == "__main__":
    rules.main(VERSION.build(), date(2026, 12, 1))
