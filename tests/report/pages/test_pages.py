import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from mad.report.__main__ import main
from mad.report.pages.history import history
from mad.report.pages.pages import HISTORY
from mad.report.pages.publish import LOG, check, publish
from tests.report.pages.examples import DECLARATION, curves_of, results_of
from tests.report.pages.test_log import NOON

NAME = str(DECLARATION["name"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a declaration, six runs, and their curves."""
    conf = tmp_path / "conf/experiment"
    conf.mkdir(parents=True)
    file = conf / f"{NAME.replace('-', '_')}.yaml"
    file.write_text("# @package _global_\n" + yaml.safe_dump({"experiment": DECLARATION}))
    results = results_of({"cos_log_linear": (0.9, 100), "softmax": (0.99, 200)}, rates=(1e-3,))
    for result in results:
        folder = tmp_path / "experiments" / NAME / "runs" / result.run_id
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("seed: 0\n")
        (folder / "result.json").write_text(result.to_json())
        rows = (
            {"step": step, "validation/accuracy": value} for step, value in curves_of([result])[result.run_id]
        )
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    files = [*(root / "experiments" / NAME).glob("report*"), root / LOG]
    return {file.name: file.read_bytes() for file in files}


def result_file(root: Path) -> Path:
    return min((root / "experiments" / NAME / "runs").glob("cos*/result.json"))


def worsen(root: Path) -> None:
    record = json.loads(result_file(root).read_text())
    del record["sha256"], record["curves_sha256"]
    record["metrics"]["test/accuracy"] = 0.25
    result_file(root).write_text(json.dumps(record))


def test_a_report_has_its_pages_its_history_and_a_line_in_the_log(root: Path) -> None:
    lines = publish("008", swept=True, root=root, at=NOON)
    assert lines[1].startswith(f"{NAME}: ")
    assert sorted(contents(root)) == ["experiment-log.md", "report.html", "report.md", "reports.jsonl"]
    assert b"curves-of-0" in contents(root)["report.html"]


def test_made_twice_nothing_changes(root: Path) -> None:
    publish("008", swept=True, root=root, at=NOON)
    before = contents(root)
    publish("cosine-log-linear", root=root, at=NOON + timedelta(days=3))
    assert contents(root) == before
    assert check("8", root=root) == []


def test_check_finds_what_parts_ways(root: Path) -> None:
    assert len(check("008", root=root)) == 3
    publish("008", swept=True, root=root, at=NOON)
    page = root / "experiments" / NAME / "report.md"
    page.write_text(page.read_text().replace("cos_log_linear", "cos_log_linear the great"))
    assert [NAME in line and "report.md" in line for line in check("008", root=root)] == [True]
    publish("008", swept=True, root=root, at=NOON)
    worsen(root)
    before = contents(root)
    assert len(check("008", root=root)) == 3
    assert contents(root) == before


def test_a_lost_curve_is_found(root: Path) -> None:
    publish("008", swept=True, root=root, at=NOON)
    (result_file(root).parent / "metrics.jsonl").unlink()
    assert {Path(line.split()[0]).name for line in check("008", root=root)} == {"report.md", "report.html"}


def test_a_new_result_is_news_and_a_new_entry(root: Path) -> None:
    publish("008", swept=True, root=root, at=NOON)
    worsen(root)
    publish("008", swept=True, root=root, at=NOON + timedelta(hours=1))
    assert len(history(root / "experiments" / NAME / HISTORY)) == 2
    assert (
        "cos_log_linear: 79.8 %, n = 3 at 0.001; now 61.6 %"
        in contents(root)["report.md"].decode().partition("## What changed")[2]
    )
    assert contents(root)["experiment-log.md"].count(b", sweep\n") == 2


def test_a_decision_is_quoted_logged_and_left_alone(root: Path) -> None:
    publish("008", swept=True, root=root, at=NOON)
    decision = root / "experiments" / NAME / "decision.md"
    decision.write_text("# ABANDON\n\nIt is not worth it.\n")
    publish("008", swept=True, root=root, at=NOON + timedelta(hours=1))
    assert decision.read_text() == "# ABANDON\n\nIt is not worth it.\n"
    assert b"It is not worth it." in contents(root)["report.html"]
    assert contents(root)["experiment-log.md"].count(b", decision\n") == 1


def test_the_command_says_by_its_exit_code_what_it_found(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    assert main(["008", "--check"]) == 1
    assert main(["008"]) == 0
    assert main(["008", "--check"]) == 0
    assert main(["009"]) == 2
    assert "error:" in capsys.readouterr().err
    (root / "experiments" / NAME / HISTORY).write_text("broken\n")
    assert main(["008"]) == 2


def test_reports_are_written_without_torch_and_hydra(root: Path) -> None:
    code = (
        "import sys\nfrom mad.report.__main__ import main\nassert main(['008']) == 0\n"
        "print([name for name in ('torch', 'hydra', 'omegaconf', 'wandb', 'modal') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_template_lies_beside_the_code() -> None:
    assert (Path(__file__).parents[3] / "mad/report/pages/page.html.j2").is_file()
