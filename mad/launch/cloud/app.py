"""What Modal is told to run: an app of one function, its image, and the volume that keeps records.

The image holds the versions that are installed here, this package as it stands, and the config files.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mad.door.folder import conf_dir
from mad.launch.cloud.remote import MOUNT, run
from mad.launch.cloud.requirements import PYTHON, requirements
from mad.launch.settings import Cloud

if TYPE_CHECKING:
    from modal import App, Function, Image, Secret


def application(
    settings: Cloud | None = None, *, packages: Sequence[str] = (), extras: Sequence[str] = ()
) -> tuple["App", "Function[..., Any, Any]"]:
    """An app and its function, which takes an order as JSON and returns an envelope.

    ``packages`` are the user's own that a config allows, ``extras`` this package's. Nothing is sent yet.
    """
    import modal

    chosen = settings or Cloud()
    app = modal.App("mad")
    function = app.function(
        image=image(packages=packages, extras=extras),
        volumes={MOUNT: modal.Volume.from_name(chosen.volume, create_if_missing=True)},
        timeout=chosen.timeout_seconds,
        max_containers=chosen.max_containers,
        include_source=False,
        single_use_containers=True,
    )(run)
    return app, function


def image(*, packages: Sequence[str] = (), extras: Sequence[str] = ()) -> "Image":
    """The container's disk; what changes often is added last."""
    import modal

    return (
        modal.Image.debian_slim(python_version=PYTHON)
        .uv_pip_install(*requirements(extras=extras))
        .env({"PYTHONUNBUFFERED": "1"})
        .add_local_dir(conf_dir(), "/root/conf")
        .add_local_python_source("mad", *packages)
    )


def on_hardware(
    function: "Function[..., Any, Any]", settings: Cloud, *, secrets: Sequence["Secret"] = ()
) -> "Function[..., Any, Any]":
    """The function with the GPU, the cores, the memory and the limits that the settings ask for."""
    import modal

    return function.with_options(
        gpu=settings.gpu,
        cpu=settings.cpu,
        memory=round(1024 * settings.memory_gib),
        timeout=settings.timeout_seconds,
        max_containers=settings.max_containers,
        retries=modal.Retries(max_retries=settings.retries, initial_delay=1.0),
        secrets=list(secrets),
    )


def extras_of(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The package's extras that runs need in their containers."""
    kernels = {(config.get("trainer") or {}).get("kernels") for config in configs}
    return ["fla"] if "fla" in kernels else []
