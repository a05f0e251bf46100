"""Whose run lies in a folder, and of which code: ``claim.json``, written before anything else is."""

import json
from pathlib import Path

from mad.report.atomic import write_atomically
from mad.report.reading import brief, json_in
from mad.report.seal import sealed, unsealed


def write_claim(file: Path, *, identity: str, code: str) -> None:
    """Says so, atomically."""
    write_atomically(file, json.dumps(sealed({"identity": identity, "code": code})) + "\n")


def claim_in(file: Path) -> dict[str, str]:
    """What a claim says. Raises ValueError for what is none, and for a changed one."""
    content = json_in(file)
    try:
        claim = unsealed(content) if isinstance(content, dict) else {}
        if claim.keys() != {"identity", "code"} or not all(isinstance(text, str) for text in claim.values()):
            raise ValueError("identity and code are expected")
    except ValueError as error:
        raise ValueError(f"{file} is no claim ({brief(error)}); move it away to run again") from error
    return claim
