"""A search runs trials as ordinary runs, goes on where it was interrupted, and judges by validation only."""

import io
import math
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mad.door.space import Choice, Space, Span
from mad.launch.ending import Ending
from mad.launch.experiment import in_full
from mad.launch.search import SEARCHES, batch_size, checked, folder_of, search, tells
from mad.report.lock import AlreadyRunning, locked
from mad.report.record import RunFolder
from mad.run import main

RATE = "trainer.learning_rate=tag(log,interval(1e-4,1e-1))"
STAND_IN = "tests.launch.stand_ins:by_learning_rate"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def _optuna() -> None:
    pytest.importorskip("optuna", reason='needs pip install "mad[hpo]"')


def searched(*words: str, n_trials: int) -> tuple[int, str]:
    """The exit code and what was shown."""
    space = Space.of([*words, "task.n_pairs=4", "launch.jobs=2"])
    console = Console(file=io.StringIO(), width=80)
    code = search(space, n_trials=n_trials, command="mad search", console=console, function=STAND_IN)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


def begun() -> list[str]:
    """The runs that were begun, in order."""
    return Path("begun").read_text().splitlines()


def best_command(shown: str) -> list[str]:
    """What runs the best, as it was shown."""
    return shlex.split(shown.splitlines()[-1])


@pytest.mark.parametrize(
    "word, expected",
    [
        ("a.b=interval(1e-4,1e-1)", Span(key="a.b", low=1e-4, high=1e-1)),
        ("a=tag(log,interval(1,8))", Span(key="a", low=1, high=8, log=True)),
        ("a=int(interval(1,8))", Span(key="a", low=1, high=8, step=1, whole=True)),
        ("a=range(4,17,4)", Span(key="a", low=4, high=16, step=4, whole=True)),
        ("a=range(8,2,-3)", Span(key="a", low=5, high=8, step=3, whole=True)),
        ("a=range(0.5,2,0.5)", Span(key="a", low=0.5, high=1.5, step=0.5)),
        ("a=32,64", Choice(key="a", values=("32", "64"))),
        ("a=choice(32,64,32)", Choice(key="a", values=("32", "64"))),
        ("+a=[1,2],null", Choice(key="+a", values=("[1,2]", "null"))),
    ],
)
def test_open_values_are_read_in_hydras_grammar(word: str, expected: Span | Choice) -> None:
    space = Space.of(["b=1", word, "seed=range(0,2)"])
    assert space == Space(("b=1", expected), ("seed=0", "seed=1"))
    assert space.runs({expected.key: "x"})[1][2] == "seed=1"


@pytest.mark.parametrize(
    "words, message",
    [
        (["model=softmax", "seed=0,1"], "a search expects an open value: KEY=interval(1e-4,1e-1), "),
        (
            ["seed=interval(0,9)", RATE],
            "seeds are not searched, each trial runs all of them; write seed=0,1,2",
        ),
        ([RATE, RATE], "trainer.learning_rate is searched twice"),
        (["trainer.learning_rate=interval(1e-1,1e-4)"], "expects two numbers, the smaller one first"),
        (["trainer.learning_rate=tag(log,interval(0,1))"], "a logarithmic scale expects numbers above 0"),
        (["trainer.learning_rate=tag(lgo,interval(1,2))"], "unknown tag lgo"),
        (["model.d_model=tag(log,choice(32,64))"], "choices have no order"),
        (["model.d_model=tag(log,range(8,65,8))"], "expects whole numbers in steps of 1"),
        (["model.d_model=range(8,8)"], "the range is empty"),
        (["model=glob(*)"], "model=glob(*) cannot be searched; write KEY=interval"),
        (["trainer.learning_rate=interval(1"], "cannot read 'trainer.learning_rate=interval(1'"),
        (
            ["trainer.lerning_rate=interval(0,1)"],
            "unknown key trainer.lerning_rate; did you mean trainer.lea",
        ),
        ([RATE, "modle=softmax"], "unknown key modle; did you mean model"),
        (["model=softmax,gqqa"], "there is no model=gqqa"),
        (["trainer.batch_size=16,many"], "trainer.batch_size expects a whole number, got 'many'"),
        (["trainer.batch_size=interval(8,64)"], "to search whole numbers write trainer.batch_size=range("),
        (["launch.jobs=1,2"], "launch.jobs cannot be searched: it does not change what a run computes"),
        ([RATE, "launch.device=gpu"], "launch.device expects auto"),
        ([RATE, "hydra.job.name=x"], "hydra.job.name cannot be set"),
        ([RATE, "--trials", "0"], "--trials expects 1 or more, not 0"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_runs(
    words: list[str], message: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mad.launch.search.installed", lambda: None)
    monkeypatch.setattr("mad.launch.search.OF_A_RUN", ())
    assert main(["search", *words]) == 2
    out, err = capfd.readouterr()
    assert message in err
    assert len(err.splitlines()) <= 2
    assert out == ""
    assert list(Path.cwd().iterdir()) == []


def test_without_optuna_one_line_says_what_to_install(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.setattr("mad.launch.search.OF_A_RUN", ())
    assert main(["search", RATE]) == 2
    assert capfd.readouterr().err == 'mad: mad search needs optuna: pip install "mad[hpo]"\n'
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    "n_processes, n_runs, n_trials", [(1, 1, 1), (1, 3, 1), (2, 1, 2), (2, 3, 2), (8, 3, 5), (16, 1, 15)]
)
def test_a_batch_keeps_the_processes_busy(n_processes: int, n_runs: int, n_trials: int) -> None:
    assert batch_size(n_processes=n_processes, n_runs=n_runs) == n_trials


def test_a_search_is_known_by_what_it_searches_and_what_it_holds_fixed() -> None:
    def folder(*words: str) -> Path:
        space = Space.of(words)
        return folder_of(space, checked(space))

    plain = folder(RATE)
    assert plain == folder("launch.jobs=7", "task=mqar", RATE)
    others = [
        folder(RATE, "seed=0,1"),
        folder(RATE, "task.n_pairs=4"),
        folder(RATE, "results=elsewhere"),
        folder("trainer.learning_rate=interval(1e-4,1e-1)"),
    ]
    assert len({plain, *others}) == 5


@pytest.mark.usefixtures("_optuna")
def test_a_search_runs_all_seeds_of_each_trial_and_judges_by_validation() -> None:
    code, shown = searched(RATE, "seed=0,1", n_trials=4)
    assert code == 0
    assert len(begun()) == len(set(begun())) == 8
    assert "4 trials: 0 run before, 4 to run" in shown
    rates = sorted({float(line.split()[0]) for line in begun()}, key=lambda rate: abs(math.log(rate / 1e-2)))
    best = best_command(shown)
    assert best[:2] == ["mad", "-m"]
    assert best[-1] == "seed=0,1"
    validation = [float(row.split("%")[0].split()[-1]) for row in rows(shown)]
    assert validation == sorted(validation, reverse=True)
    assert f"trainer.learning_rate={rates[0]!r}" in best
    n_before = len(begun())
    assert main(["--dry-run", *best[1:]]) == 0, "a command of its own"
    again, shown = searched(RATE, "seed=0,1", n_trials=4)
    assert again == 0
    assert "4 trials: 4 run before, 0 to run" in shown
    assert best_command(shown) == best
    assert len(begun()) == n_before
    searched(RATE, "seed=0,1", n_trials=5)
    assert len(begun()) == n_before + 2


def rows(shown: str) -> list[str]:
    """The rows of the table of the best, each as one line."""
    table = shown[shown.index("trial  ") :].partition("\ntest accuracy")[0]
    return [line for line in table.splitlines()[1:] if "%" in line and line.split()[0].isdigit()]


@pytest.mark.usefixtures("_optuna")
def test_what_does_not_finish_counts_as_nothing_and_is_told() -> None:
    code, shown = searched("trainer.learning_rate=1e-4,9e-2", n_trials=4)
    assert code == 1, "nothing finished"
    assert "failed" in shown
    assert "diverged" in shown
    assert "test accuracy of trial" not in shown
    assert len(begun()) <= 4, "two trials a batch; what was told is not tried again"
    code, shown = searched("trainer.learning_rate=1e-4,1e-2", n_trials=6)
    assert code == 0
    assert best_command(shown) == ["mad", "trainer.learning_rate=0.01", "task.n_pairs=4", "launch.jobs=2"]
    assert shown.count("test accuracy") == 1, "of the best trial only"


@pytest.mark.usefixtures("_optuna")
def test_an_interrupted_search_goes_on_with_the_same_values(here: Path) -> None:
    Path("interrupting").write_text(str(os.getpid()))
    code, shown = searched(RATE, "seed=0,1", n_trials=4)
    assert code == 130
    assert "preempted" in shown
    Path("interrupting").unlink()
    first = set(begun())
    (journal,) = SEARCHES.glob("*/journal.log")
    with journal.open("a") as file:
        file.write('{"op_code": 4, "wor')  # what a kill leaves of a line
    code, shown = searched(RATE, "seed=0,1", n_trials=4)
    assert code == 0
    assert "1 run before, 3 to run, 1 of which had begun" in shown
    interrupted = set(begun())
    assert first < interrupted
    assert len(interrupted) == 8

    (here / "undisturbed").mkdir()
    os.chdir(here / "undisturbed")
    searched(RATE, "seed=0,1", n_trials=4)
    assert set(begun()) == interrupted


@pytest.mark.usefixtures("_optuna")
def test_a_search_or_a_run_that_another_process_is_at_is_left_alone() -> None:
    space = Space.of(["model.d_model=32,32", "task.n_pairs=4", "launch.jobs=2"])
    config: dict[str, Any] = checked(space)
    with locked(folder_of(space, config)), pytest.raises(AlreadyRunning):
        searched("model.d_model=32,32", n_trials=1)
    with locked(RunFolder.of(config).path), pytest.raises(AlreadyRunning, match="search again later"):
        searched("model.d_model=32,32", n_trials=1)
    assert not Path("begun").exists()
    assert searched("model.d_model=32,32", n_trials=1)[0] == 0


@pytest.mark.usefixtures("_optuna")
def test_the_lists_show_runs_and_no_searches(capsys: pytest.CaptureFixture[str]) -> None:
    searched("trainer.learning_rate=1e-2,2e-2", n_trials=1)
    assert main(["ls"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.usefixtures("_optuna")
def test_in_an_experiment_its_declaration_is_kept_and_its_grid_is_not_run() -> None:
    experiment = in_full("experiment=mqar-controls")
    code, shown = searched(experiment, "model=softmax", "trainer.learning_rate=1e-2,2e-2", n_trials=1)
    assert code == 0
    folder = Path("experiments/001-mqar-controls")
    assert len(list(folder.glob("runs/*/result.json"))) == len(begun()) == 1
    assert (folder / "declared.yaml").exists()
    assert (folder / "report.md").exists()
    assert best_command(shown)[:2] == ["mad", "experiment=001_mqar_controls"]


def test_a_run_that_was_killed_says_nothing_of_its_values() -> None:
    assert not tells(Ending(status="failed", error="killed by SIGKILL"))
    assert tells(Ending(status="failed", error="something broke", raised=True))
    assert tells(Ending(status="diverged"))
    assert not tells(Ending(status="waiting"))
