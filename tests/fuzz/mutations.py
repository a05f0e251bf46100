"""What may have become of a file: a disk, an editor, a merge or a killed process has been at it."""

import random
import re
from collections.abc import Callable, Iterator

Mutation = Callable[[bytes, random.Random], bytes]


def mutants(content: bytes, *, seed: int, n: int) -> Iterator[tuple[str, bytes]]:
    """n contents that differ from the given one, each with the name of what was done to it."""
    rng, names, found = random.Random(seed), sorted(MUTATIONS), 0
    while found < n:
        name = names[found % len(names)]
        changed = MUTATIONS[name](content, rng)
        for _ in range(rng.choice([0, 0, 0, 1, 3])):
            changed = MUTATIONS[rng.choice(names)](changed, rng)
        if changed == content:
            changed = _flipped(content, rng)
        yield f"{name} (number {found} of seed {seed})", changed
        found += 1


def _flipped(content: bytes, rng: random.Random) -> bytes:
    if not content:
        return b"\x00"
    changed, place = bytearray(content), rng.randrange(len(content))
    changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _digit(content: bytes, rng: random.Random) -> bytes:
    places = [match.start() for match in re.finditer(rb"[0-9]", content)]
    if not places:
        return _flipped(content, rng)
    place = rng.choice(places)
    other = (content[place] - 48 + rng.randint(1, 9)) % 10
    return content[:place] + str(other).encode() + content[place + 1 :]


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _without(content: bytes, rng: random.Random) -> bytes:
    start, end = _slice(content, rng)
    return content[:start] + content[end:]


def _twice(content: bytes, rng: random.Random) -> bytes:
    start, end = _slice(content, rng)
    return content[:end] + content[start:end] + content[end:]


def _swapped(content: bytes, rng: random.Random) -> bytes:
    a, b, c = sorted(rng.randrange(len(content) + 1) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def _lines_swapped(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    rng.shuffle(lines)
    return b"".join(lines[: rng.randint(0, len(lines))])


def _inserted(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(ODD) + content[place:]


def _value(content: bytes, rng: random.Random) -> bytes:
    """Another value, mostly of another type, in the place of a number, a word or a text."""
    places = list(re.finditer(rb'"[^"\n]*"|-?[0-9][0-9.e+-]*|\b(?:true|false|null)\b|(?<=: )[^\n]+', content))
    if not places:
        return rng.choice(VALUES)
    match = rng.choice(places)
    return content[: match.start()] + rng.choice(VALUES) + content[match.end() :]


def _whole(content: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"", b"\n", *VALUES, *ODD])


def _slice(content: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(start + rng.choice([1, 2, 5, 20, 200]), len(content))


HUGE = b"9" * 400

VALUES = (
    *(b"NaN", b"Infinity", b"-Infinity", b".nan", b"-.inf", b"1e999", b"-1e999", HUGE, b"9" * 5000, b"-1"),
    *(b"0", b"1e308", b"0.5", b"true", b"null", b"~", b'"text"', b"[]", b"{}", b"[1, 2]", b'{"a": 1}', b"7"),
    *(b"[" * 3000, b"[" * 3000 + b"]" * 3000, b'{"a":' * 2000, b"2024-99-99", b"2024-01-01", b"1:99:99"),
    *(b'!!int ""', b"!!float x", b"!!bool x", b"!!timestamp x", b"!!binary x", b"!!python/name:os.system"),
    *(b"&a [*a]", b"*nobody", b"&a {? *a : 1}", b"{<<: 5}", b"? [1]\n: 2", b"0001-01-01 00:00:00 +23:00"),
    *(b"&a [1,1,1,1,1,1,1,1]", b"'", b'"', b"|", b">", b"%", b"@", b"`", b"!!set {a}", b"!!omap [1]"),
)

ODD = (
    *(b"\x00", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\r", b"\t", b"\x1b[2J", "\u2028".encode()),
    *(b"\n---\n", b"\n...\n", b"\xef\xbb\xbf", b"a" * 300_000, b" " * 300_000, b"\n" * 50_000),
    *(b"[" * 50_000, b"{" * 50_000, b"- " * 20_000, b"x: " * 20_000, b"\\u0000", b"\\ud800"),
)

MUTATIONS: dict[str, Mutation] = {
    "a bit flipped": _flipped,
    "a digit changed": _digit,
    "cut short": _cut,
    "a slice taken out": _without,
    "a slice doubled": _twice,
    "two slices swapped": _swapped,
    "lines shuffled": _lines_swapped,
    "something odd put in": _inserted,
    "a value replaced": _value,
    "all of it replaced": _whole,
}
