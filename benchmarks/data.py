"""How long the training data of a published setting take to draw."""

from functools import partial

from benchmarks.machine import this_machine
from benchmarks.paired import Pace, Side, Spread, by_turns
from benchmarks.peak import peak_mib
from benchmarks.record import Row, Target, publish
from mad.seeding import generator
from mad.tasks.mqar import MQAR

ABOUT = (
    "MQAR as Zoology trains on it: 64 tokens, vocabulary 8192, 4 pairs, drawn as a run draws them. "
    "Inputs and targets of 100,000 sequences are 98 MiB; the vocabulary must not enter the memory."
)
N_SEQUENCES = 100_000


def drawing(n_sequences: int, *, filler: str = "zero", vocab_size: int = 8192) -> Side:
    """A draw of the published shape."""
    task = MQAR(vocab_size=vocab_size, seq_len=64, n_pairs=4, filler=filler)
    return lambda: task.sample(n_sequences, generator(0, "train", 0, 0))


def rows() -> list[Row]:
    fillers = ("zero", "random", "random_with_collisions")
    paired = by_turns(
        {filler: drawing(N_SEQUENCES, filler=filler) for filler in fillers}, pace=Pace(budget_seconds=10)
    )
    found = [
        Row(
            what=f"MQAR, {N_SEQUENCES:,} x 64 tokens, V=8192, filler {filler}",
            unit="s",
            observed=paired.spread(filler),
            target=Target(at_most=1.0) if filler == "zero" else None,
        )
        for filler in fillers
    ]
    small = partial(drawing, 1000)
    peaks = {
        f"V={size}": peak_mib(partial(drawing, N_SEQUENCES, vocab_size=size), small=small)
        for size in (256, 8192)
    }
    found.append(
        Row(
            what="peak memory of the draw (filler zero), V=8192 / V=256",
            unit="x",
            observed=Spread.of([peaks["V=8192"] / peaks["V=256"]]),
            sides={name: Spread.of([peak]) for name, peak in peaks.items()},
            side_unit="MiB",
            note="O(N L) is 1",
        )
    )
    return found


def main() -> None:
    machine = this_machine()
    publish("data", ABOUT, rows(), machine=machine)


if __name__ == "__main__":
    main()
