"""A loopback of Modal's control plane, for tests: the real client runs against it, with no account.

The plane speaks the real protocol on 127.0.0.1, and runs functions in real container processes
(``python -m modal._container_entrypoint``). Nothing is built and nothing needs root; see ``control.Plane``
for what a test can ask for. With the fixture ``plane`` (``tests/cloud/conftest.py``):

    def test_something(plane):
        call = train.spawn({...})               # in this process: the fixture has set the environment
        subprocess.run(["modal", "run", "app.py"], env=plane.environment)        # or in another one
        plane.preempt(plane.calls[0], after=lambda: plane.calls[0].commits >= 1)
        assert plane.calls[0].attempts == 1

Faults: ``preempt``, ``kill``, ``down`` and ``up``, ``refuse``, ``expire``; ``plane.limits`` holds the grace
after a signal. What happened: ``plane.calls`` (function_name, gpu, timeout, retries, attempts, preemptions,
state, log, commits, inputs, outputs), ``plane.requests`` (name and bytes of every RPC), ``plane.containers``.

What a container sees: below its own folder, the files of its mounts, with ``/root`` as working directory
and on ``PYTHONPATH``; the installed packages without the project; none of this process's environment.
A volume's mount path such as ``/vol`` is a folder below the container's own, and its place is told by the
environment variable ``MAD_VOLUME_PATH`` (where there is one volume). What is not committed is lost with
the container, also at an orderly end: nothing is committed in the background.

Where it is simpler than the service: a container is given one input at a time, and is kept for the next
one until its app stops; images are only named; classes, web functions and generators are missing.
"""
