"""What is typed becomes checked configs, or one clear line."""

import re
from pathlib import Path

import pytest

from mad.door.compose import compose, composed

FILES = {
    "config.yaml": """
defaults:
  - _self_
  - memory: linear
  - task: mqar
  - model: plain
  - experiment: null
  - override hydra/job_logging: none
  - override hydra/hydra_logging: none
seed: 0
allow: []
experiment: null
hydra: {run: {dir: .}, sweep: {dir: ., subdir: .}, output_subdir: null}
""",
    "memory/linear.yaml": "# @package model.mixer.memory\n# Lin.\n_target_: mad.memories.Linear\nrate: 0.5\n",
    "memory/softmax.yaml": "# @package model.mixer.memory\n# Softmax.\n_target_: mad.memories.Softmax\n",
    "task/mqar.yaml": "# Recall.\n_target_: mad.tasks.MQAR\nseq_len: 64\neval: []\n",
    "model/_base.yaml": "# @package model\n_target_: mad.model.Model\nmixers: null\n"
    "mixer: {_target_: mad.Mixer, n_heads: 2}\n",
    "model/plain.yaml": "# @package _global_\n# Plain.\ndefaults: [_base]\n",
    "model/softmax.yaml": "# @package _global_\n# Soft.\ndefaults: [_base, override /memory: softmax]\n",
    "experiment/001-wide.yaml": "# @package _global_\nexperiment: {name: 001-wide}\ntask: {seq_len: 128}\n"
    "hydra: {sweeper: {params: {seed: '0,1'}}}\n",
    "experiment/calls.yaml": "# @package _global_\nhydra: {callbacks: {x: {_target_: os.system}}}\n",
    "experiment/logs.yaml": "# @package _global_\nhydra: {job_logging: {formatters: {x: {(): os.abort}}}}\n",
    "experiment/mode.yaml": "# @package _global_\nhydra: {mode: MULTIRUN}\n",
    "experiment/env.yaml": "# @package _global_\nhydra: {job: {env_set: {A: b}}}\n",
    "experiment/allows.yaml": "# @package _global_\nallow: [os]\ntask: {_target_: os.System}\n",
    "experiment/sweeps_allow.yaml": "# @package _global_\nhydra: {sweeper: {params: {allow: '[os]'}}}\n",
    "experiment/targets.yaml": "# @package _global_\n"
    "model: {mixer: {n_heads: {deep: [{_target_: os.system}]}}}\n",
}


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small folder of config files, beside an empty current folder."""
    for name, text in FILES.items():
        path = tmp_path / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return tmp_path / "conf"


def test_one_command_line_gives_one_plain_config(conf: Path) -> None:
    [job] = composed(["task.seq_len=32", "model=softmax"], multirun=False, conf=conf)
    assert job.config == {
        "seed": 0,
        "allow": [],
        "experiment": None,
        "task": {"_target_": "mad.tasks.MQAR", "seq_len": 32, "eval": []},
        "model": {
            "_target_": "mad.model.Model",
            "mixers": None,
            "mixer": {"_target_": "mad.Mixer", "n_heads": 2, "memory": {"_target_": "mad.memories.Softmax"}},
        },
        "asked": {
            "overrides": list(job.overrides),
            "choices": {"memory": "softmax", "model": "softmax", "task": "mqar"},
        },
    }
    assert type(job.config["model"]["mixer"]) is dict
    assert job.config == compose(["task.seq_len=32", "model=softmax"], conf=conf)


def test_a_sweep_gives_every_combination(conf: Path) -> None:
    jobs = composed(["seed=0,1,2", "model=plain,softmax"], multirun=True, conf=conf)
    found = [(job.config["seed"], job.config["model"]["mixer"]["memory"]["_target_"]) for job in jobs]
    assert found == [(seed, f"mad.memories.{name}") for seed in range(3) for name in ("Linear", "Softmax")]
    assert jobs[1].overrides == ("seed=0", "model=softmax")


def test_an_experiment_brings_its_own_sweep(conf: Path) -> None:
    jobs = composed(["experiment=001-wide"], multirun=True, conf=conf)
    assert [job.config["seed"] for job in jobs] == [0, 1]
    assert jobs[0].config["task"]["seq_len"] == 128
    assert jobs[0].config["experiment"] == {"name": "001-wide"}


def test_only_the_command_line_asks_for_a_sweep(conf: Path) -> None:
    assert len(composed(["experiment=mode"], multirun=False, conf=conf)) == 1
    assert len(composed(["experiment=001-wide"], multirun=False, conf=conf)) == 1


def test_layers_may_be_named_after_models(conf: Path) -> None:
    config = compose(
        ["model.mixers=[softmax,{_target_: mad.Other},plain]", "model.mixer.n_heads=4"], conf=conf
    )
    soft, other, plain = config["model"]["mixers"]
    assert soft["memory"] == {"_target_": "mad.memories.Softmax"}
    assert other == {"_target_": "mad.Other"}
    assert plain["memory"]["_target_"] == "mad.memories.Linear"
    assert plain["n_heads"] == 2


def test_composing_leaves_nothing_behind(conf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    composed(["seed=1"], multirun=False, conf=conf)
    composed(["seed=0,1"], multirun=True, conf=conf)
    with pytest.raises(ValueError, match="unknown key"):
        composed(["+sede=1"], multirun=False, conf=conf)
    assert list(Path.cwd().iterdir()) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "typed, message",
    [
        ("model=sofmax", "there is no model=sofmax; did you mean softmax?"),
        ("model=zzz", "there is no model=zzz; known: plain, softmax"),
        ("modle=softmax", "unknown key modle; did you mean model?"),
        ("task.seq_length=3", "unknown key task.seq_length; did you mean task.seq_len?"),
        ("seq_len=3", "unknown key seq_len; did you mean task.seq_len?"),
        ("+task.seq_length=3", "unknown key task.seq_length; did you mean task.seq_len?"),
        ("+optim.lr=3", "unknown key optim; known: allow, experiment, model, seed, task"),
        ("++task.sequence.len=3", "unknown key task.sequence; did you mean task.seq_len?"),
        ("~task.seq_len", "task.seq_len is missing; give it a value, or null if it may be empty"),
        ("~task.zzz", "unknown key task.zzz; known: task.eval, task.seq_len"),
        ("task.seq_len=long", "task.seq_len expects a whole number, got 'long' (text); e.g. task.seq_len=64"),
        ("task.seq_len=[1", "cannot read 'task.seq_len=[1': "),
        ("task.seq_len", "cannot read 'task.seq_len': "),
        ("seed=1,2", "seed=1,2 holds several values: add -m for one run each, or write 'seed=[1,2]'"),
        ("model=[plain,zzz]", "there is no file model/zzz among the configs"),
        ("model=3", "a group expects the name of one of its files, as in model=softmax"),
        ("+model=softmax", "model is chosen already; write model=... without the +"),
        ("seed=${nowhere}", "seed: Interpolation key 'nowhere' not found"),
        ("seed=???", "seed has no value; set it"),
        ("model.mixers=[sofmax]", "there is no model=sofmax; did you mean softmax?"),
        ("model.mixer.memory._target_=os.system", "model.mixer.memory: _target_ 'os.system' lies outside"),
        ("task.eval=[{a:{_target_:os.system}}]", "task.eval[0].a: _target_ 'os.system' lies outside"),
        ("+x={_target_:os.system}", "x: _target_ 'os.system' lies outside the allowed packages (mad)"),
        ("hydra.callbacks.x._target_=os.system", "hydra.callbacks.x._target_ cannot be set"),
        ("+hydra.job.env_set.A=1", "hydra.job.env_set.A cannot be set"),
        ("hydra/launcher=joblib", "hydra/launcher cannot be set"),
        (
            "experiment=calls",
            "a config file sets hydra.callbacks; below hydra only sweeper.params may be set",
        ),
        ("experiment=logs", "a config file sets hydra.job_logging"),
        ("experiment=env", "a config file sets hydra.job.env_set"),
        (
            "experiment=allows",
            "allow=['os'] stands in a config file; only the command line may allow packages",
        ),
        (
            "experiment=sweeps_allow",
            "a config file sweeps over allow; only the command line may allow packages",
        ),
        ("experiment=targets", "model.mixer.n_heads.deep[0]: _target_ 'os.system' lies outside"),
    ],
)
def test_what_may_not_pass_is_refused_in_a_line_or_two(
    conf: Path, typed: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as refusal:
        composed([typed], multirun=False, conf=conf)
    assert len(str(refusal.value).splitlines()) <= 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "typed, message",
    [
        ("seed=0,1,x", "seed expects a whole number, got 'x' (text); e.g. seed=0"),
        ("task.seq_length=3,4", "unknown key task.seq_length; did you mean task.seq_len?"),
        ("model=plain,sofmax", "there is no model=sofmax; did you mean softmax?"),
        ("experiment=calls,env", "a config file sets hydra.callbacks"),
        ("experiment=001-wide,targets", "experiment=001-wide brings a sweep of its own"),
    ],
)
def test_one_bad_job_stops_a_sweep_at_the_door(
    conf: Path, typed: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        composed([typed], multirun=True, conf=conf)
    assert capfd.readouterr() == ("", "")


def test_packages_allowed_on_the_command_line_may_be_named(conf: Path) -> None:
    config = compose(["allow=[mine]", "model.mixer.memory={_target_: mine.Memory, rate: 2}"], conf=conf)
    assert config["model"]["mixer"]["memory"] == {"_target_": "mine.Memory", "rate": 2}


def test_hydras_own_traceback_can_be_had(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(Exception, match="Could not override 'modle'"):
        composed(["modle=softmax"], multirun=False, conf=conf)
