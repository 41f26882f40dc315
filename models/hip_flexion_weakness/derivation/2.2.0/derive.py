"""Derives hip_flexion_weakness 2.2.0 from the tables in ``evidence/`` of this version and of those before.

    python models/hip_flexion_weakness/derivation/2.2.0/derive.py            # compare with the folder of the version
    python models/hip_flexion_weakness/derivation/2.2.0/derive.py FOLDER     # write a new folder

The rules are in ``rules.py`` of the folder above and explained in README.md beside this file.
"""

import sys
from datetime import date
from pathlib import Path

import bayesdx as dx
from bayesdx.knowledge.model import Model

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import rules  # noqa: E402  (found beside the versions)

VERSION = "2.2.0"
FOLDER = HERE.parents[1] / VERSION
RELEASE_DAY = date(2026, 11, 26)


def derive() -> Model:
    """The whole model."""
    parent = dx.load_model(HERE.parents[1] / "2.1.0")
    return rules.derive(rules.Evidence(HERE.parent / "2.0.0", HERE.parent / "2.1.0", HERE), VERSION, parent)


if __name__ == "__main__":
    rules.main(derive(), FOLDER, RELEASE_DAY)
