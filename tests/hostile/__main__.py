"""Fuzz one target for longer: ``python -m tests.hostile TARGET COUNT [SEED]``; with ``atheris`` as COUNT, guided.

``python -m tests.hostile cohort_csv 100000 7`` tries other damages than the suite does and writes what it finds to
``tests/hostile/corpus/TARGET/``. ``python -m tests.hostile cohort_csv atheris -max_total_time=600`` needs atheris,
which looks for inputs that reach new lines of bayesdx; further arguments are those of libFuzzer.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.hostile.mutating import PIECES, mutations
from tests.hostile.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


def kept(name: str, target: Callable[[bytes], None], data: bytes) -> bool:
    """Run one input; keep it where it does harm."""
    try:
        target(data)
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        traceback.print_exc()
        path = CORPUS / name / hashlib.sha256(data).hexdigest()[:16]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(path)
        return True
    return False


def guided(name: str, arguments: list[str]) -> None:
    """Coverage-guided, until the time is up."""
    import atheris

    target, seeds = TARGETS[name]
    folder = Path("build/fuzz") / name
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds():
        (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    words = folder.with_suffix(".dict")
    short = [piece for piece in PIECES if 0 < len(piece) < 100]
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in piece) + '"\n' for piece in short))
    for module in [module for key, module in sys.modules.items() if key.startswith("bayesdx.")]:
        for function in list(vars(module).values()):
            if (
                callable(function)
                and getattr(function, "__module__", "") == module.__name__
                and hasattr(function, "__code__")
            ):
                setattr(module, function.__name__, atheris.instrument_func(function))
    atheris.Setup(
        [sys.argv[0], f"-dict={words}", *arguments, str(folder)], lambda data: kept(name, target, data) or None
    )
    atheris.Fuzz()


def main() -> None:
    """Fuzz, and say how many inputs did harm."""
    name, count, *rest = sys.argv[1:]
    if count == "atheris":
        guided(name, rest)
        return
    target, seeds = TARGETS[name]
    seed = int(rest[0]) if rest else 0
    found = sum(kept(name, target, data) for data in mutations(seeds(), int(count), seed))
    print(f"{name}: {count} inputs, {found} did harm")


if __name__ == "__main__":
    main()
