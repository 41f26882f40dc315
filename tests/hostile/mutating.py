"""Damaged versions of sound inputs, the same ones every time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

PIECES = [
    *(
        b",",
        b"\n",
        b"\r",
        b"\r\n",
        b'"',
        b'""',
        b"|",
        b";",
        b"=",
        b"\t",
        b"\0",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"\\u0000",
    ),
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1",
        b"1,5",
        b"0x1f",
        b"null",
        b"true",
        b"9" * 5000,
        b"1" + b"0" * 400,
    ),
    *(
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        "\u202e".encode(),
        "о".encode(),
        "٣".encode(),
        b"\x1b[31m",
    ),
    *(
        b"=cmd|' /C calc'!A0",
        b"@SUM(1)",
        b"+1",
        b"<script>",
        b"../../etc/passwd",
        b"%s%n",
        b"__class__",
        b"cos\nsystem\n(S'ls'",
    ),
    *(b"absent", b"present", b"cranking", b"clicking", b"lights", b"None", b"silent", b"?", b"UNKNOWN", b"findings"),
    *(b"[" * 3000, b'{"a":' * 2000, b"a" * 70_000, b'"' + b"\n" * 300, b".." * 200, b"a." * 400, b"PAR1"),
]


def mutations(seeds: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """``count`` inputs, each a seed with a few places replaced, repeated, cut or flipped."""
    rng = random.Random(seed)
    for _ in range(count):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            start = rng.randrange(len(data) + 1)
            stop = min(len(data), start + rng.choice((0, 1, 1, 2, 4, 8, 40, 400)))
            match rng.randrange(6):
                case 0:
                    data[start:stop] = rng.choice(PIECES)
                case 1:
                    data[start:stop] = rng.randbytes(stop - start)
                case 2:
                    data[start:stop] = b""
                case 3:
                    data[start:start] = data[start:stop] * rng.choice((1, 2, 50))
                case 4 if start < len(data):
                    data[start] ^= 1 << rng.randrange(8)
                case 5 if start < len(data):
                    data[start] = rng.choice((0, 1, 127, 128, 255))
        yield bytes(data)
