"""The list of faults: what is done, how often, and which tests do it.

The first 21 are attacks and accidents, each with its number; then come broken files, odd configs, odd places.

Every count stands here and nowhere else: a small one for each change, the full one where ``MAD_SOAK`` is 1.
"""

import os
from dataclasses import dataclass

IS_FULL = os.environ.get("MAD_SOAK") == "1"

N_KINDS = 18
"""Of files that are read back: those of ``tests/fuzz``, all of ``conf/`` being one kind."""

MUTATIONS = 2000 if IS_FULL else 60
"""Of each of them."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the list."""

    number: int
    fault: str
    unit: str
    """What is counted: cases that a test counts by itself, or else tests."""
    small: int
    full: int
    tests: tuple[str, ...]
    minutes: float = 5
    """What the full count may take, beside another line, on a machine of two cores."""

    @property
    def count(self) -> int:
        """How many there must be, at least."""
        return self.full if IS_FULL else self.small


LINES = (
    Line(
        number=1,
        fault="`kill -9` of a run, at random and between the steps of saving: the same bits",
        unit="kills",
        small=10,
        full=200,
        tests=("tests/faults/test_kills.py::test_a_killed_run_ends_with_the_same_bits",),
        minutes=20,
    ),
    Line(
        number=2,
        fault="`kill -9` of who writes `metrics.jsonl`: no row lost, none twice, one torn at most",
        unit="kills",
        small=12,
        full=200,
        tests=("tests/faults/test_kills.py::test_a_killed_writer_loses_no_acknowledged_row",),
    ),
    Line(
        number=3,
        fault="16 processes claim the same run folders",
        unit="folders",
        small=40,
        full=500,
        tests=("tests/faults/test_claims.py",),
    ),
    Line(
        number=4,
        fault="one-bit flips and truncations of a checkpoint: named, and the previous one used",
        unit="damages",
        small=30,
        full=600,
        tests=("tests/faults/test_damage.py",),
    ),
    Line(
        number=5,
        fault="the disk is full (1 MB): failed, exit code 1, the older checkpoint intact, and on it goes",
        unit="runs",
        small=4,
        full=4,
        tests=("tests/faults/test_full_disk.py",),
    ),
    Line(
        number=6,
        fault="SIGTERM and SIGINT: a checkpoint within 2 s, exit code 143 or 130, the same bits",
        unit="signals",
        small=4,
        full=20,
        tests=("tests/faults/test_signals.py",),
    ),
    Line(
        number=7,
        fault="NaN or infinity at a step: diverged there, the last good weights kept, no NaN in JSON",
        unit="runs",
        small=6,
        full=60,
        tests=("tests/faults/test_divergence.py",),
    ),
    Line(
        number=8,
        fault="out of memory: fewer sequences at once and the same losses, or failed with what to do",
        unit="tests",
        small=9,
        full=9,
        tests=("tests/train/test_room.py",),
    ),
    Line(
        number=9,
        fault="jobs of a sweep of 30 that raise, die or hang: each named, and only those made again",
        unit="sweeps",
        small=2,
        full=2,
        tests=(
            "tests/launch/test_experiment.py::test_what_breaks_is_named_and_only_that_is_run_again",
            "tests/launch/test_experiment.py::test_a_sweep_that_may_not_fail_begins_nothing_after_a_failure",
        ),
    ),
    Line(
        number=10,
        fault="one config in any order, from YAML or overrides: one identity; another value, another",
        unit="configs",
        small=27,
        full=1000,
        tests=("tests/faults/test_identities.py",),
        minutes=10,
    ),
    Line(
        number=11,
        fault="a dashboard that is dead, deaf, keyless or not installed: little time lost, same results",
        unit="tests",
        small=20,
        full=20,
        tests=(
            "tests/track/test_failures.py",
            "tests/track/test_real_runs.py::test_who_watches_changes_no_result",
        ),
    ),
    Line(
        number=12,
        fault="a budget, also under four launchers at once; a dry run opens no socket",
        unit="tests",
        small=10,
        full=10,
        tests=("tests/cloud/test_budget.py",),
    ),
    Line(
        number=13,
        fault="planted secrets: in no record, log, report or payload; words of the trade stay",
        unit="tests",
        small=60,
        full=60,
        tests=(
            "tests/report/test_redaction.py",
            "tests/track/test_real_runs.py::test_a_run_that_is_sent_holds_no_secret",
            "tests/track/test_real_runs.py::test_a_run_that_breaks_tells_no_secret",
            "tests/track/test_real_runs.py::test_a_sweep_keeps_and_shows_no_secret",
            "tests/track/test_real_runs.py::test_a_secret_in_a_config_is_refused_and_not_repeated",
        ),
    ),
    Line(
        number=14,
        fault="a malicious pickle as checkpoint: refused, nothing run; no unsafe reader in the tree",
        unit="pickles",
        small=21,
        full=21,
        tests=("tests/faults/test_pickles.py",),
    ),
    Line(
        number=15,
        fault="a target outside the allowed packages, or an unknown key: refused before anything is built",
        unit="configs",
        small=60,
        full=60,
        tests=(
            "tests/faults/test_targets.py",
            "tests/door/test_compose.py::test_what_may_not_pass_is_refused_in_a_line_or_two",
            "tests/door/test_guard.py",
        ),
    ),
    Line(
        number=16,
        fault="an alias bomb, or a file of more than 1 MB: refused in 0.1 s",
        unit="files",
        small=12,
        full=12,
        tests=("tests/faults/test_bombs.py",),
    ),
    Line(
        number=17,
        fault="hostile names of runs and experiments: a slug, or refused; nothing lands elsewhere",
        unit="names",
        small=80,
        full=80,
        tests=("tests/faults/test_names.py",),
    ),
    Line(
        number=18,
        fault="HTML and Markdown in names: the pages are unharmed, also in a browser",
        unit="tests",
        small=150,
        full=185,
        tests=("tests/report/pages/test_hostile.py",),
    ),
    Line(
        number=19,
        fault="another locale, time zone and hash seed: the report is the same to the byte",
        unit="reports",
        small=3,
        full=8,
        tests=("tests/faults/test_same_report.py",),
    ),
    Line(
        number=20,
        fault="2,000 verdicts under the null: false PROCEED in 5 % at most",
        unit="tests",
        small=28,
        full=28,
        tests=("tests/report/judging/test_nulls.py",),
    ),
    Line(
        number=21,
        fault="oracles score 100 %, blind guesses score chance, on every task",
        unit="tests",
        small=8,
        full=8,
        tests=(
            "tests/tasks/test_task_laws.py::test_an_oracle_that_reads_the_inputs_scores_100_percent",
            "tests/tasks/test_task_laws.py::test_a_blind_guess_scores_chance",
        ),
    ),
    Line(
        number=22,
        fault="a broken file of any kind that is read back: refused by name, or read as it was written",
        unit="mutations",
        small=60 * N_KINDS,
        full=2000 * N_KINDS,
        tests=("tests/fuzz",),
        minutes=25,
    ),
    Line(
        number=23,
        fault="any composition of parts, with odd numbers: two steps run, or a refusal in words",
        unit="configs",
        small=25,
        full=1000,
        tests=("tests/properties",),
        minutes=15,
    ),
    Line(
        number=24,
        fault="clock steps, locale C, odd paths, read-only or vanishing folders, two processes on one folder",
        unit="tests",
        small=15,
        full=15,
        tests=("tests/surroundings",),
    ),
)


def count(number: int) -> int:
    """How many cases line ``number`` wants from the test that counts them."""
    return next(line.count for line in LINES if line.number == number)
