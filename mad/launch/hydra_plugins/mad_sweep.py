"""The launcher of ``-m``: it hands each composed job to the function that takes a single run.

Nothing is executed here. What was handed over goes to the pool once Hydra is gone, so that a sweep and a
single run enter through the same door, and Hydra leaves no folder, no log and no ``multirun.yaml``
behind.
"""

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from mad.door.quiet import check_files


class Sweep(BasicSweeper):
    """Every combination of the swept values, composed once."""

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Hands all jobs to the launcher at once; raises Hydra's errors for unreadable overrides."""
        assert self.launcher is not None
        assert self.hydra_context is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        return [self.launcher.launch(batch, 0) for batch in self.split_arguments(overrides, None)]


class Handover(Launcher):
    """Composes each job and passes its config to the task function."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keeps what ``launch`` needs."""
        self._loader = hydra_context.config_loader
        self._take = task_function
        self._config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Composes and hands over every job.

        Raises Hydra's own errors for what cannot be composed, and ValueError for files that would change
        Hydra's own settings: those of one job cannot hold for a sweep.
        """
        for overrides in job_overrides:
            config = self._loader.load_sweep_config(self._config, list(overrides))
            check_files(config.hydra)
            if config.hydra.sweeper.params != self._config.hydra.sweeper.params:
                raise ValueError(
                    f"{' '.join(overrides)} brings a sweep of its own; give it a command of its own"
                )
            HydraConfig.instance().set_config(config)
            with open_dict(config):
                del config["hydra"]
            self._take(config)
        return [JobReturn(status=JobStatus.COMPLETED) for _ in job_overrides]
