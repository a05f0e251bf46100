"""From a config to *blueprints*: classes with their keywords filled in, waiting for their shapes.

A mapping with ``_target_`` names a class; its other keys are that class's keywords. The parent object
calls the blueprint when it knows the shapes: ``Attention`` calls ``memory(shape)``. Nothing else of a
config is ever executed, and a target must be a class that was *written* in this package or in one that
the user has allowed by name.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

TARGET = "_target_"


class Blueprint(partial[Any]):
    """A class with its keywords filled in; calling it with the rest builds the object."""

    def __call__(self, /, *args: Any, **rest: Any) -> Any:
        """Builds the object. Raises ValueError if a required argument has not been given by anyone."""
        try:
            inspect.signature(self.func).bind(*self.args, *args, **{**self.keywords, **rest})
        except TypeError as error:
            raise ValueError(
                f"{self.func.__name__}: {error}; choose a part of that name, or write it into the config"
            ) from error
        return super().__call__(*args, **rest)


def blueprint(config: Mapping[str, Any], *, allow: Sequence[str] = ()) -> Blueprint:
    """The class that ``config`` names, with its keywords filled in; nested targets become blueprints, too.

    ``allow`` lists the packages besides ``mad`` whose classes a target may name. Raises ValueError for a
    target that is not such a class, and for a keyword that the class does not know or that has the wrong
    type. A keyword that is missing shows when the blueprint is called, since the parent may still give
    it.
    """
    target = resolved_class(config.get(TARGET), allow=allow)
    keywords = {name: _built(value, allow) for name, value in config.items() if name != TARGET}
    _check_keywords(target, keywords)
    parameters = inspect.signature(target).parameters
    return Blueprint(
        target,
        **{
            name: _suited(value, parameters[name].annotation) if name in parameters else value
            for name, value in keywords.items()
        },
    )


def check_target(target: object, *, allow: Sequence[str] = ()) -> None:
    """Refuses, with a ValueError, whatever cannot be the dotted name of a class in an allowed package.

    It only reads the name: nothing is imported.
    """
    packages = ", ".join(("mad", *allow))
    if not isinstance(target, str) or not all(part.isidentifier() for part in target.split(".")):
        raise ValueError(f"{TARGET} expects a dotted class name in one of: {packages}; got {target!r}")
    parts = target.split(".")
    if len(parts) < 2 or not inside(target, ("mad", *allow)):
        raise ValueError(
            f"{TARGET} {target!r} lies outside the allowed packages ({packages}); "
            f"name a class there, or allow its package with allow=[{parts[0]}]"
        )
    if any(part.startswith("_") for part in parts):
        raise ValueError(f"{TARGET} {target!r} names something private; name a public class")


def resolved_class(target: object, *, allow: Sequence[str] = ()) -> type:
    """The class of a dotted name; its module is imported. Raises ValueError where there is none to be had."""
    check_target(target, allow=allow)
    module_name, _, name = str(target).rpartition(".")
    found = vars(_module(module_name)).get(name)
    home = getattr(found, "__module__", None)
    if not isinstance(found, type) or not inside(home or "", ("mad", *allow)):
        known = sorted(
            key for key, value in vars(_module(module_name)).items() if _defined_in(value, module_name)
        )
        raise ValueError(f"{TARGET} {target!r} is not a class written there{nearest(name, known)}")
    return found


def inside(name: str, packages: Iterable[str]) -> bool:
    """Whether a dotted name is one of ``packages`` or lies below one of them."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the known names nearest to ``name``, or all of them if none is near."""
    options = sorted({str(option) for option in known})
    *others, last = get_close_matches(name, options, n=3, cutoff=0.6) or [""]
    if last:
        return f"; did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
    return f"; known: {', '.join(options)}" if options else ""


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # Only the target's own path is the user's mistake; a missing dependency is another story.
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ValueError(
                f"{TARGET}: there is no module {error.name!r}; correct its name, or install it"
            ) from error
        raise


def _defined_in(value: object, module_name: str) -> bool:
    return isinstance(value, type) and value.__module__ == module_name and not value.__name__.startswith("_")


def _built(value: Any, allow: Sequence[str]) -> Any:
    if isinstance(value, Mapping):
        if TARGET in value:
            return blueprint(value, allow=allow)
        return {key: _built(entry, allow) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_built(entry, allow) for entry in value]
    return value


def _check_keywords(target: type, keywords: Mapping[str, Any]) -> None:
    parameters = inspect.signature(target).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    named = {name: p for name, p in parameters.items() if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    for name, value in keywords.items():
        if name not in named and not takes_any:
            raise ValueError(f"{target.__name__} knows no keyword {name!r}{nearest(str(name), named)}")
        if name in named and not _fits(value, named[name].annotation):
            if isinstance(value, Mapping):
                raise ValueError(f"{target.__name__}.{name} expects a mapping with {TARGET}, got {value!r}")
            expected = _expected(named[name].annotation)
            raise ValueError(f"{target.__name__}.{name} expects {expected}, got {value!r}")


def _expected(annotation: Any) -> str:
    """An annotation in words where these are shorter, or else as it is written."""
    options = _options(annotation)
    if not any(get_origin(option) is Sequence for option in options):
        return inspect.formatannotation(annotation)
    parts = f"a list of parts with {TARGET}"
    return f"{parts}, or null" if NoneType in options else parts


def _suited(value: Any, annotation: Any) -> Any:
    """A value that fits; a whole number as a float where only floats are expected."""
    options = _options(annotation)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_whole and float in options and int not in options else value


def _options(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a plain value suits an annotation; annotations that are not plain types suit everything."""
    if get_origin(annotation) in (Union, UnionType):
        return any(_fits(value, option) for option in get_args(annotation))
    if get_origin(annotation) is Literal:
        return value in get_args(annotation)
    if get_origin(annotation) is Callable:
        return callable(value)
    if get_origin(annotation) is Sequence:
        return isinstance(value, list | tuple) and all(
            _fits(entry, get_args(annotation)[0]) for entry in value
        )
    if annotation in (None, NoneType):
        return value is None
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation in (bool, str):
        return isinstance(value, annotation)
    return True
