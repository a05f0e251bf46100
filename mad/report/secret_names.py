"""Which names announce a secret: ``api_key``, ``DB_PASSWORD``; not ``n_tokens``, ``pad_token``."""

import re

SECRETS = {
    "apikey",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "secrets",
    "token",
    "authorization",
}

OWNERS = {
    "access",
    "account",
    "admin",
    "anthropic",
    "api",
    "auth",
    "aws",
    "azure",
    "deploy",
    "encryption",
    "hf",
    "master",
    "modal",
    "openai",
    "private",
    "secret",
    "service",
    "signing",
    "ssh",
    "wandb",
}
"""Before ``key``: a key is a secret if it is one of these, and else a part of attention or of a mapping."""

TRADE = {
    "blank",
    "bos",
    "cls",
    "count",
    "end",
    "eos",
    "filler",
    "first",
    "last",
    "mask",
    "max",
    "min",
    "n",
    "next",
    "num",
    "pad",
    "padding",
    "per",
    "query",
    "sep",
    "size",
    "sos",
    "special",
    "start",
    "stop",
    "unk",
    "vocab",
}
"""Beside ``token``: one of a vocabulary."""

NOT_A_SECRET = {"false", "none", "null", "true"}

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def is_secret(name: str, value: str) -> bool:
    """Whether a text, called so in a config or in a line of text, is to be hidden.

    A dotted name goes by its last part. A password may be short; all others have eight characters or more.
    """
    if not value or value.lower() in NOT_A_SECRET or not may_be_secret(name):
        return False
    return len(value) >= 8 or bool(_words(name) & {"password", "passwd", "passphrase", "secret"})


def may_be_secret(name: str) -> bool:
    """Whether what is called so is a secret if it is long enough to be one."""
    return _says_secret(_words(name))


def is_secret_variable(name: str) -> bool:
    """Whether an environment variable holds a secret: there, a name that ends in ``KEY`` is enough."""
    in_order = [word.lower() for word in _WORDS.findall(name)]
    joined = name.lower().endswith(("apikey", "password", "passwd", "token", "secret"))  # PGPASSWORD
    if in_order == ["pwd"] or in_order == ["oldpwd"]:  # the working directory
        return False
    return joined or bool(in_order and in_order[-1] in ("key", "keys")) or _says_secret(frozenset(in_order))


def _says_secret(words: frozenset[str]) -> bool:
    if "key" in words and words & OWNERS:
        return True
    return bool(words & SECRETS) and not ("token" in words and words & TRADE)


def _words(name: str) -> frozenset[str]:
    """``maxNumTokens`` and ``MAX_NUM_TOKENS`` are max, num, tokens."""
    return frozenset(word.lower() for word in _WORDS.findall(name.rpartition(".")[2]))
