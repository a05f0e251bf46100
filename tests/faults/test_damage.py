"""A checkpoint that lost a bit or its tail is noticed, whichever bit and whatever tail."""

import random
from pathlib import Path

from tests.cases import Cases
from tests.faults.lines import count
from tests.train.test_checkpoint import loaded, saved


def flipped(content: bytes, chance: random.Random) -> bytes:
    broken = bytearray(content)
    broken[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(broken)


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def test_a_flipped_bit_or_a_lost_tail_is_noticed_and_the_previous_one_used(
    tmp_path: Path, cases: Cases
) -> None:
    newest, chance = saved(tmp_path, 1, 2), random.Random(0)
    content = newest.read_bytes()
    for number in range(count(4)):
        newest.write_bytes((flipped, cut)[number % 2](content, chance))
        with cases.of():
            found, (sentence,) = loaded(tmp_path)
            assert found is not None
            assert found["step"] == 1
            assert sentence == (
                "checkpoint-00000002.pt is damaged (its SHA-256 is not the recorded one); "
                "checkpoint-00000001.pt is used instead"
            )
