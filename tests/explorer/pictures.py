"""The pictures of README.md, made from the code as it is: ``python -m tests.explorer.pictures``."""

from __future__ import annotations

from pathlib import Path

import bayesdx as dx
from tests.explorer.browser import ROOT, Watched, launched, served

FOLDER = ROOT / "docs/images"
FINDINGS = {
    "age_group": "60_and_over",
    "anticoagulation": "yes",
    "onset": "sudden",
    "pain_location": ["pain_groin"],
    "hip_flexion_strength": "severely_reduced",
    "knee_extension_weakness": "present",
    "fever": "absent",
}


def main() -> None:
    """Write the explorer and a stand-alone case page as PNG."""
    model = dx.load_model("hip_flexion_weakness", population="emergency_department")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with launched() as browser, served(model, FINDINGS) as address:
        Watched(browser, viewport={"width": 1280, "height": 900}).open(address).screenshot(path=FOLDER / "explorer.png")
        page = FOLDER / "case.html"
        try:
            dx.diagnose(model, FINDINGS).to_html(page)
            tab = Watched(browser, viewport={"width": 900, "height": 2000}).tab
            tab.goto(Path(page).as_uri())
            below = tab.get_by_role("heading", name="What to do now").bounding_box()
            tab.screenshot(
                path=FOLDER / "diagnosis.png", clip={"x": 0, "y": 0, "width": 900, "height": below["y"] - 12}
            )
        finally:
            page.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
