"""Odd places to run in: it works, or one line says what to do, and nothing is lost."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mad.report.result import Result
from tests.surroundings.small import WORDS, complaint, mad


def result_in(results: Path) -> Result:
    [file] = results.glob("*/result.json")
    return Result.read(file)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What the run gives in usual surroundings."""
    folder = tmp_path_factory.mktemp("usual")
    done = mad(*WORDS, cwd=folder)
    assert done.returncode == 0, done.stderr
    return result_in(folder / "runs")


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TZ": "Pacific/Kiritimati"},
        {"TZ": ":no/such/zone"},
        {"HOME": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None, "USER": None, "LOGNAME": None},
        {"HOME": "/nowhere", "COLUMNS": "1", "TERM": "dumb"},
    ],
    ids=["locale C", "time zone", "no such time zone", "no home", "a home that is not there"],
)
def test_the_surroundings_do_not_change_a_result(
    env: dict[str, str | None], usual: Result, tmp_path: Path
) -> None:
    folder = tmp_path / "Ergebnisse für Łódź 結果"
    folder.mkdir()
    done = mad(*WORDS, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    assert result_in(folder / "runs").determined() == usual.determined()
    listed = mad("ls", cwd=folder, env=env)
    assert listed.returncode == 0, listed.stderr


def test_a_results_folder_may_have_any_name(usual: Result, tmp_path: Path) -> None:
    results = tmp_path / "my results" / "naïve=1, 結果"
    done = mad(*WORDS, f"results='{results}'", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert result_in(results).determined() == usual.determined()


def test_a_file_in_the_place_of_the_results_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("mine")
    done = mad(*WORDS, f"results={tmp_path}/results", cwd=tmp_path)
    assert "results" in complaint(done)
    assert (tmp_path / "results").read_text() == "mine"


def _readonly(folder: Path) -> tuple[str, ...]:
    """The words that make a folder read-only for what they start, also for root and as working directory."""
    mounted = f"mount --bind '{folder}' '{folder}' && mount -o remount,ro,bind '{folder}'"
    script = f'{mounted} && cd "$PWD" && exec "$@"'
    return ("unshare", "-Urm", "sh", "-c", script, "sh")


def _may_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*_readonly(folder), "true"], capture_output=True, check=False)
    return tried.returncode == 0


def test_a_results_folder_that_is_read_only_is_named(tmp_path: Path) -> None:
    results, home = tmp_path / "results", tmp_path / "home"
    results.mkdir()
    home.mkdir()
    if not _may_mount(results):
        pytest.skip("this machine lets nobody mount")
    done = mad(*WORDS, f"results={results}", cwd=home, inside=_readonly(results))
    assert "results" in complaint(done)
    assert not list(results.iterdir())


def test_a_working_directory_that_is_read_only_needs_results_elsewhere(tmp_path: Path) -> None:
    here, results = tmp_path / "here", tmp_path / "results"
    here.mkdir()
    if not _may_mount(here):
        pytest.skip("this machine lets nobody mount")
    assert "runs" in complaint(mad(*WORDS, cwd=here, inside=_readonly(here)))
    done = mad(*WORDS, f"results={results}", cwd=here, inside=_readonly(here))
    assert done.returncode == 0, done.stderr
    assert result_in(results).status == "finished"


VANISHES = """
import shutil
from pathlib import Path
n_calls = []
from mad.track.files import Files
log = Files.log
def vanishing(self, step, metrics):
    n_calls.append(step)
    if len(n_calls) == 2:
        shutil.rmtree("runs")
    log(self, step, metrics)
Files.log = vanishing
"""


def test_a_folder_that_vanishes_during_a_run_is_named(tmp_path: Path) -> None:
    done = mad(*WORDS, cwd=tmp_path, before=VANISHES)
    assert "runs" in complaint(done)
    assert mad(*WORDS, cwd=tmp_path).returncode == 0
    assert result_in(tmp_path / "runs").status == "finished"
