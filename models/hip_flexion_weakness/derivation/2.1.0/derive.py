"""Derives hip_flexion_weakness 2.1.0 from the tables in ``evidence/`` of this version and of those before it.

    python models/hip_flexion_weakness/derivation/2.1.0/derive.py FOLDER     # write the version

The rules are in ``rules.py`` of the folder above and explained in README.md beside this file.
"""

import sys
from datetime import date
from pathlib import Path

from bayesdx.knowledge.model import Model

sys.path.insert(0, str(Path(__file__).parents[1]))

import rules


def derive() -> Model:
    """The whole model."""
    return rules.derive(Path(__file__).parent, "1.0.0", "2.0.0")


if __name__ == "__main__":
    rules.main(derive(), date(2026, 11, 26))
