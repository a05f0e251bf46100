"""Any composition of parts runs two steps, or is refused in words that name key, value and remedy."""

import re
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mad.door.compose import compose
from mad.execute import execute
from mad.report.leaves import leaves
from tests.cases import Cases
from tests.conf import options
from tests.faults.lines import IS_FULL, count

GROUPS = (
    *("model", "memory", "features", "convolution", "positions", "qk_norm", "readout", "gate", "norm", "mlp"),
    *("task", "trainer"),
)

DATA = ("task.data.train=8", "task.data.validation=8", "task.data.test=8", "task.eval=[]", "task.mixture=[]")

SHORT = (
    *("trainer.epochs=null", "trainer.steps=2", "trainer.batch_size=4", "trainer.warmup_steps=0"),
    *("trainer.checkpoint_seconds=null", "track=files", "launch.device=cpu"),
)

ODD_NUMBERS = st.sampled_from(
    ["-1", "0", "1", "2", "3", "7", "17", "0.5", "-0.5", "1e-30", "1e30", "1000000000000", "null"]
)

LEFT_ALONE = ("launch", "track", "results", "experiment", "allow", "asked", "trainer.steps", "trainer.epochs")
"""Keys whose numbers say nothing of the run, and how long it is to be."""

PER_TASK: dict[str, tuple[str, ...]] = {
    "mqar": ("vocab_size=16", "seq_len=12", "n_pairs=2"),
    "recall": ("vocab_size=8", "seq_len=12", "n_pairs=2"),
    "selective_copy": ("vocab_size=8", "seq_len=12", "n_tokens=2"),
    "topic_markov": ("vocab_size=8", "seq_len=12"),
}


def _small(task: str) -> tuple[str, ...]:
    """Small sizes for a task; those of a paper keep their own, for they are part of its name."""
    if task in ("mqar_008", "selective_copy_48"):
        return ()
    known = next((sizes for name, sizes in PER_TASK.items() if task.startswith(name)), ())
    return tuple(f"task.{size}" for size in known)


@st.composite
def compositions(draw: st.DrawFn) -> list[str]:
    """The words of a command line: a choice of a few groups, small sizes, and at times an odd number."""
    chosen = {group: draw(st.sampled_from(options(group))) for group in GROUPS if draw(st.booleans())}
    chosen.setdefault("task", "mqar")
    words = [f"{group}={name}" for group, name in chosen.items()]
    words += ["model.d_model=16", f"model.n_layers={draw(st.sampled_from([1, 2]))}"]
    words += [*_small(chosen["task"]), *DATA, *SHORT]
    keys = _numbers(tuple(words))
    n_odd = draw(st.sampled_from([0, 1, 1, 2])) if keys else 0
    return [*words, *(f"{draw(st.sampled_from(keys))}={draw(ODD_NUMBERS)}" for _ in range(n_odd))]


@cache
def _numbers(words: tuple[str, ...]) -> list[str]:
    """The keys of a composition that hold a number, or may; none of one that is refused."""
    try:
        config = compose(words)
    except ValueError:
        return []
    numbers = ((key, value) for key, value in leaves(config) if not key.startswith(LEFT_ALONE))
    return [
        key
        for key, value in numbers
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    ]


def _run(words: list[str]) -> str:
    """``ran``, or the words of the refusal. Whatever else is raised is a finding."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            config: Mapping[str, Any] = compose([*words, f"results={folder}"])
            result = execute(config)
        except ValueError as error:
            assert not list(Path(folder).iterdir()), "a refused run leaves no folder"
            return str(error)
    assert result.status in ("finished", "diverged")
    return "ran"


def _names_what_is_wrong(message: str) -> bool:
    """Whether the message names a key or a value, and says what is expected or what to do."""
    told = r"expects|must|expected|need|known|unknown|mean|set |takes|did you|missing|knows no|there is no"
    told += "|; [a-z]+ "  # a semicolon, and what to do
    return bool(re.search(told, message)) and bool(re.search(r"[A-Za-z_]+[.=_][a-z_]|\d|'", message))


@settings(
    max_examples=count(23),
    deadline=None,
    derandomize=not IS_FULL,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(words=compositions())
def test_a_composition_runs_or_is_refused_in_words(words: list[str], cases: Cases) -> None:
    with cases.of():
        told = _run(words)
        assert told == "ran" or _names_what_is_wrong(told), told
        assert len(told) < 2000
