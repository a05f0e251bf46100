"""Runs so small that most of their time in a container is its start."""

from pathlib import Path

WORDS = (
    "model=vanilla_linear",
    "task=recall",
    "model.d_model=16",
    "model.n_layers=1",
    "task.vocab_size=8",
    "task.seq_len=12",
    "task.n_pairs=2",
    "task.data.train=80",
    "task.data.validation=32",
    "task.data.test=32",
    "trainer.batch_size=16",
    "trainer.epochs=null",
    "trainer.steps=40",
    "trainer.warmup_steps=5",
    "trainer.log_every=1",
    "trainer.checkpoint_steps=4",
    "trainer.validate_every=7",
    "track=files",
)

THERE = ("launch=modal", "launch.usd_per_hour=0.6", "launch.threads=1", "launch.mirror_seconds=0.2")


def words(*more: str, results: Path, there: bool = True) -> list[str]:
    """A command line, at Modal or here."""
    return [*WORDS, *(THERE if there else ("launch.threads=1",)), f"results={results}", *more]
