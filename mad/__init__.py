"""mad: a test bench for sequence mixers, from an idea to seeds, controls and a verdict."""

__all__ = ["load"]


def __getattr__(name: str) -> object:
    """``mad.load("008")``, the results of an experiment; nothing is imported before it is asked for."""
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mad.browse.results import load

    return load
