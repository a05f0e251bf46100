"""Files that people read and that are made from the code or the records: made here, compared by a test.

`scripts/golden` writes them again; the difference is then reviewed like any other.
"""

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
import yaml

from mad.blueprint import blueprint
from mad.model import Model
from mad.report.judging.evidence import Evidence
from mad.report.judging.folder import load
from tests import error_page
from tests.conf import CONF, composed, options

ROOT = Path(__file__).parents[1]
CONTROLS = ROOT / "experiments/001-mqar-controls/runs"


def resolved_config() -> str:
    """The default run, as it is recorded."""
    return yaml.safe_dump(composed(), sort_keys=False, allow_unicode=True)


def model_table() -> str:
    """Every named model at its defaults on the default task: how large it is, and what it costs."""
    lines = [
        "# Models",
        "",
        "Every named model at its defaults (d = 64, 2 layers) on `task=mqar` (64 tokens, vocabulary 256).",
        "State: floats that one sequence holds after 64 tokens. FLOPs: one sequence forward, by formula.",
        "",
        "| model | what | parameters | state floats | MFLOPs |",
        "|---|---|---:|---:|---:|",
    ]
    for name in options("model"):
        model: Model = blueprint(composed(f"model={name}")["model"])(vocab_size=256)
        n_parameters = sum(parameter.numel() for parameter in model.parameters())
        sizes = f"{n_parameters:,} | {model.state_floats(64):,} | {model.flops(64) / 1e6:.1f}"
        lines.append(f"| {name} | {_comment(CONF / 'model' / f'{name}.yaml')} | {sizes} |")
    return "\n".join([*lines, ""])


def readme() -> str:
    """The README, with the table of the committed records of experiment 001, and that of all experiments."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, table in (("results", _controls()), ("experiments", _experiments())):
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda found, table=table: f"{found[1]}{table}{found[2]}",
            text,
            flags=re.DOTALL,
        )
    return text


GOLDEN: dict[Path, Callable[[], str]] = {
    ROOT / "tests/golden/cos_log_linear-mqar.yaml": resolved_config,
    ROOT / "docs/models.md": model_table,
    ROOT / "docs/errors.md": error_page.page,
    ROOT / "README.md": readme,
}


def _controls() -> str:
    """Test accuracy by model, each seed shown, between the task's bounds."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(CONTROLS.glob("*/result.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        runs.setdefault(result["config"]["asked"]["choices"]["model"], []).append(result)
    if not runs:
        return ""
    bounds = next(iter(runs.values()))[0]["bounds"]
    lines = [
        "| model | test accuracy, each seed | mean | state floats | seconds a run |",
        "|---|---|---:|---:|---:|",
    ]
    for name, results in sorted(runs.items(), key=lambda item: -_mean_accuracy(item[1])):
        seeds = sorted(results, key=lambda result: result["config"]["seed"])
        each = " / ".join(f"{100 * result['metrics']['test/accuracy']:.1f}" for result in seeds)
        seconds = fmean(result["cost"]["train_seconds"] for result in seeds)
        state = seeds[0]["stamp"]["state_floats"]
        lines.append(f"| {name} | {each} | {100 * _mean_accuracy(seeds):.1f} % | {state:,} | {seconds:.0f} |")
    floor, chance = 100 * bounds["floor_accuracy"], 100 * bounds["chance_accuracy"]
    lines.append(f"| *no-binding floor* | | {floor:.1f} % | | |")
    lines.append(f"| *chance* | | {chance:.1f} % | | |")
    return "\n".join([*lines, ""])


def _experiments() -> str:
    """Every experiment with records: what was asked, the verdict, and how the claims of others fare."""
    lines = ["| experiment | question | verdict | claims of others |", "|---|---|---|---|"]
    for folder in sorted(ROOT.glob("experiments/[0-9]*")):
        evidence = load(folder.name, root=ROOT)
        if evidence.results and evidence.experiment.criteria:
            link = f"[{folder.name}](experiments/{folder.name}/report.md)"
            lines.append(
                f"| {link} | {evidence.experiment.question} | {evidence.verdict} | {_claims(evidence)} |"
            )
    return "\n".join([*lines, ""])


def _claims(evidence: Evidence) -> str:
    standings = [check.standing for check in evidence.checks if check.criterion.published]
    told = {"met": "held up", "not met": "did not", "undecided": "open"}
    return ", ".join(f"{standings.count(key)} {words}" for key, words in told.items()) if standings else ""


def _mean_accuracy(results: list[dict[str, Any]]) -> float:
    return fmean(result["metrics"]["test/accuracy"] for result in results)


def _comment(file: Path) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(line[2:] for line in lines if line.startswith("# ") and "@package" not in line)


def main() -> None:
    """Writes every golden file."""
    torch.manual_seed(0)
    for path, make in GOLDEN.items():
        text = make()
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)


if __name__ == "__main__":
    main()
