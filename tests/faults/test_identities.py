"""What is meant is what counts: not the order of keys, the spelling of numbers, or where a value stands."""

import random
import shutil
from pathlib import Path
from typing import Any

import yaml

from mad.door.compose import Job, composed
from mad.report.identity import NOT_MEANING, identity
from tests.cases import Cases
from tests.conf import CONF
from tests.faults.lines import IS_FULL, count

N_VALUES = 10 if IS_FULL else 3
"""Of each of three keys: every combination is a case."""

SEEDS = list(range(N_VALUES))
RATES = [(1 + n) / 1000 for n in range(N_VALUES)]
WIDTHS = [16 * (1 + n) for n in range(N_VALUES)]


def spelled(value: Any, chance: random.Random) -> str:
    """A number as people write it: 64, 64.0, 6.4e1."""
    whole = isinstance(value, int)
    forms = [f"{value}", f"{float(value)!r}", f"{value:.6e}"]
    return chance.choice(forms[: 2 if whole else 3])


def file_of(case: tuple[int, float, int], chance: random.Random) -> str:
    """An experiment's file that gives these values, its keys in any order."""
    seed, rate, width = case
    lines = [
        f"seed: {seed}",
        f"trainer: {{learning_rate: {spelled(rate, chance)}}}",
        f"model: {{d_model: {spelled(width, chance)}}}",
    ]
    return "\n".join(["# @package _global_", "# A case.", *chance.sample(lines, 3), ""])


def by_case(jobs: list[Job]) -> dict[tuple[int, float, int], dict[str, Any]]:
    configs = [job.config for job in jobs]
    return {
        (config["seed"], config["trainer"]["learning_rate"], config["model"]["d_model"]): config
        for config in configs
    }


def turned(value: Any, chance: random.Random) -> Any:
    """The same through YAML, in another order of keys."""
    if isinstance(value, dict):
        return {key: turned(value[key], chance) for key in chance.sample(list(value), len(value))}
    return [turned(entry, chance) for entry in value] if isinstance(value, list) else value


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, dict):
        return [path]
    return [leaf for key, entry in value.items() for leaf in leaves(entry, (*path, key))] or [path]


def with_another(value: Any, path: tuple[Any, ...]) -> Any:
    """A copy in which one value is another."""
    if not path:
        return "another" if value != "another" else "yet another"
    return {**value, path[0]: with_another(value[path[0]], path[1:])}


def test_a_config_has_one_identity_and_no_other_has_it(tmp_path: Path, cases: Cases) -> None:
    chance, conf = random.Random(0), tmp_path / "conf"
    shutil.copytree(CONF, conf)
    wanted = [(seed, rate, width) for seed in SEEDS for rate in RATES for width in WIDTHS]
    assert len(wanted) == count(10)
    for number, case in enumerate(wanted):
        (conf / f"experiment/case_{number}.yaml").write_text(file_of(case, chance))
    files = "experiment=" + ",".join(f"case_{number}" for number in range(len(wanted)))
    from_files = by_case(composed([files], multirun=True, conf=conf))
    grid = [
        f"model.d_model={','.join(map(str, WIDTHS))}",
        f"seed={','.join(map(str, SEEDS))}",
        f"trainer.learning_rate={','.join(map(repr, RATES))}",
    ]
    from_words = by_case(composed(chance.sample(grid, 3), multirun=True, conf=conf))
    known: set[str] = set()
    for case in wanted:
        with cases.of():
            config = from_words[case]
            again = yaml.safe_load(yaml.safe_dump(turned(config, chance), sort_keys=False))
            found = {identity(config), identity(from_files[case]), identity(again)}
            assert len(found) == 1
            assert not found & known
            known |= found
            meant = {key: value for key, value in config.items() if key not in NOT_MEANING}
            assert identity(with_another(config, chance.choice(leaves(meant)))) not in known
