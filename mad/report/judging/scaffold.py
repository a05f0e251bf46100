"""A new declaration to fill in: every key once, each with a comment, and a small grid that runs."""

import re
from pathlib import Path

from mad.report.judging.experiment import NAME

TEMPLATE = """\
# @package _global_
# One line: what the experiment is (shown by mad --list).
experiment:
  name: {name}
  question: "Does the candidate do what the baseline cannot?"
  hypothesis: "It does, because ..."
  proposal: null  # {{id: {name}, priority: medium}}: high, medium or low
  expected: {{minutes: 10, usd: 0.0, result: "What you think will come out, and how sure you are."}}

  # Which arms are what: groups of conf/ (model, task, recipe, ...) or dotted keys; null where there is none.
  roles:
    candidate: {{model: cos_log_linear}}
    baselines: [{{model: log_linear}}]
    positive_control: {{model: softmax}}  # must succeed, or nothing was measured (verdict DEBUG)
    negative_control: {{model: vanilla_linear}}  # must fail

  search: trainer.learning_rate  # its best value is chosen on validation, for each arm; null: nothing
  solved_at: 0.9  # test accuracy that counts as solved
  control_at: 0.9  # test accuracy that the positive control must reach on average

  # Written before the first run: the verdict follows from them. Each has a claim of its own and one of above,
  # below, between and equals (counts and shares only), and must hold in each arm that it names. Accuracies
  # and shares lie between 0 and 1, gaps between -1 and 1.
  # metric: test/accuracy unless given; also test/loss_nats, cost/seconds, cells/NAME/accuracy, and the shares
  # of runs that diverged and of seeds that solved the task. Three seeds or more decide.
  criteria:
    - claim: The candidate recalls more than 80 %
      where: {{model: cos_log_linear}}
      above: 0.8
    - claim: The candidate is better than the baseline by 10 points
      where: {{model: cos_log_linear}}
      gap_to: {{model: log_linear}}
      above: 0.1
    - claim: The baseline recalls 60-70 %
      where: {{model: log_linear}}
      between: [0.6, 0.7]
      decides: false  # an expectation: shown, but not part of the verdict
      # published: 64.2 %  (what a source reports, where the claim is somebody else's)
    - claim: No run diverges
      where: {{}}  # every arm
      metric: diverged
      equals: 0

  # Combinations of the grid below that are not run.
  skip: []  # such as [{{model: softmax, trainer.learning_rate: [1e-2]}}]

# What is run: every combination. mad -m experiment={stem} --dry-run shows the jobs.
hydra:
  sweeper:
    params:
      model: softmax,cos_log_linear,log_linear,vanilla_linear
      task: mqar
      trainer.learning_rate: 1e-3,3e-3,1e-2
      seed: 0,1,2
"""


def new_declaration(name: str, *, root: Path) -> Path:
    """Writes ``root/conf/experiment/NNN_short_name.yaml`` for ``NNN-short-name``; nothing is overwritten.

    Raises ValueError for another kind of name, and for a number that is taken.
    """
    if not re.fullmatch(NAME, name):
        raise ValueError(f"a new experiment expects a name such as 008-short-name; got {name!r}")
    folder = root / "conf/experiment"
    numbers = {file.stem[:3]: file for file in folder.glob("*.yaml")}
    if name[:3] in numbers:
        free = next(number for number in range(1, 1000) if f"{number:03}" not in numbers)
        raise ValueError(f"number {name[:3]} is taken by {numbers[name[:3]]}; {free:03} is free")
    file = folder / f"{name.replace('-', '_')}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as stream:
        stream.write(TEMPLATE.format(name=name, stem=file.stem))
    return file
