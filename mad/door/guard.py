"""What may pass the door: targets in allowed packages, known keys, values of the right type.

The *schema* of a config is the composition of the same files without the values that the user gave:
``conf/`` lists every keyword of every constructor, so what the schema does not hold is a mistake, and its
values show the types. Nothing is imported or built here.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from mad.blueprint import TARGET, check_target

KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
    type(None): "null",
}


def check(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The config with its numbers spelled as the schema spells them. Raises ValueError for what may not pass.

    A null in the schema accepts anything, and so does an empty mapping; the entries of a list, and the
    keywords of a target other than the schema's, are left to their constructors. Their targets are
    checked all the same.
    """
    if schema.get("allow"):
        raise ValueError(
            f"allow={schema['allow']} stands in a config file; only the command line may allow packages"
        )
    check_targets(config, allow=_packages(config.get("allow")))
    _check_keys(config, schema)
    return {key: _matched(value, schema[key], path=key, targeted=False) for key, value in config.items()}


def check_targets(value: Any, *, allow: Sequence[str], path: str = "") -> None:
    """Refuses a ``_target_`` outside the allowed packages, at any depth."""
    if isinstance(value, Mapping):
        if TARGET in value:
            try:
                check_target(value[TARGET], allow=allow)
            except ValueError as error:
                raise ValueError(f"{path or 'the config'}: {error}") from error
        for key, entry in value.items():
            check_targets(entry, allow=allow, path=f"{path}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for number, entry in enumerate(value):
            check_targets(entry, allow=allow, path=f"{path}[{number}]")


def known_keys(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The dotted names of all keys of a schema."""
    for key, value in schema.items():
        yield f"{path}{key}"
        if isinstance(value, Mapping):
            yield from known_keys(value, f"{path}{key}.")


def unknown_key(key: str, known: Sequence[str]) -> str:
    """What is said about a key that is not known: its likely meanings, or what may stand in its place."""
    parent, _, name = key.rpartition(".")
    offered = [other for other in known if not other.endswith(TARGET)]
    siblings = [other for other in offered if other.rpartition(".")[0] == parent]
    close = _same_name(name, offered) or _close_names(name, siblings) or _close_names(name, offered)
    if close:
        return f"unknown key {key}; did you mean {' or '.join(close[:3])}?"
    return f"unknown key {key}; known: {', '.join(sorted(siblings or [o for o in offered if '.' not in o]))}"


def _same_name(name: str, known: Sequence[str]) -> list[str]:
    return [other for other in dict.fromkeys(known) if other.rpartition(".")[2] == name]


def _close_names(name: str, known: Sequence[str]) -> list[str]:
    """The keys whose last part is nearly ``name``, the nearest first."""
    last_parts = {other.rpartition(".")[2] for other in known}
    return [
        other for close in get_close_matches(name, sorted(last_parts)) for other in _same_name(close, known)
    ]


def _packages(allow: Any) -> list[str]:
    if not isinstance(allow, list) or not all(isinstance(name, str) for name in allow):
        raise ValueError(f"allow expects a list of package names, such as allow=[my_mixers]; got {allow!r}")
    return allow


def _check_keys(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Refuses keys that the schema does not hold, and the lack of those that it holds."""
    known = list(known_keys(schema))
    for path, value, default in _pairs(config, schema, ""):
        for key in value:
            if key not in default:
                raise ValueError(unknown_key(f"{path}{key}", known))
        for key in default:
            if key not in value:
                raise ValueError(f"{path}{key} is missing; give it a value, or null if it may be empty")


def _pairs(value: Any, default: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """The mappings of a config beside those of the schema, as far down as the schema binds."""
    if not (isinstance(value, Mapping) and isinstance(default, Mapping) and _binds(value, default)):
        return
    yield path, value, default
    for key in value:
        yield from _pairs(value[key], default.get(key), f"{path}{key}.")


def _binds(value: Mapping[str, Any], default: Mapping[str, Any]) -> bool:
    """Whether the schema's mapping says what may stand in this one."""
    return bool(default) and value.get(TARGET) == default.get(TARGET)


def _matched(value: Any, default: Any, *, path: str, targeted: bool) -> Any:
    """The value as the schema spells it. ``targeted``: a constructor takes it, and may refuse null itself."""
    if default is None:
        return value
    if isinstance(default, Mapping):
        return _matched_mapping(value, default, path)
    if value is None and targeted:
        return None
    if isinstance(default, list):
        return _matched_list(value, default, path)
    if _kind(value) is not type(default) and not _is_number_for(value, default):
        raise _wrong_kind(value, default, path)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{path} expects a finite number, got {value}")
    return type(default)(value)


def _matched_mapping(value: Any, default: Mapping[str, Any], path: str) -> Any:
    if value is None and TARGET in default:
        return None
    if not isinstance(value, Mapping):
        raise _wrong_kind(value, default, path)
    if not _binds(value, default):
        return dict(value)
    inside = TARGET in default
    return {
        key: _matched(entry, default[key], path=f"{path}.{key}", targeted=inside)
        for key, entry in value.items()
    }


def _matched_list(value: Any, default: list[Any], path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong_kind(value, default, path)
    plain = bool(default) and all(isinstance(entry, int | float | str) for entry in default)
    example = default[0] if plain else None
    return [_matched(entry, example, path=f"{path}[{n}]", targeted=False) for n, entry in enumerate(value)]


def _is_number_for(value: Any, default: Any) -> bool:
    """Whether a number of the other kind says the same: 1 for 1.0, and 1e3 for 1000."""
    if isinstance(value, bool) or isinstance(default, bool):
        return False
    whole = isinstance(value, float) and value.is_integer()
    return (type(default) is float and isinstance(value, int)) or (type(default) is int and whole)


def _kind(value: Any) -> type:
    return dict if isinstance(value, Mapping) else type(value)


def _wrong_kind(value: Any, default: Any, path: str) -> ValueError:
    example = "" if isinstance(default, Mapping) or default == [] else f"; e.g. {path}={_spelled(default)}"
    kind = KINDS.get(_kind(value), type(value).__name__)
    return ValueError(f"{path} expects {KINDS[_kind(default)]}, got {value!r} ({kind}){example}")


def _spelled(value: Any) -> str:
    """A value as one writes it on the command line."""
    if isinstance(value, list):
        return f"[{','.join(_spelled(entry) for entry in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
