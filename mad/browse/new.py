"""``mad new NNN-short-name``: a commented declaration to fill in, and what to type next."""

import os
from collections.abc import Sequence

from mad.browse.output import Arguments
from mad.door.folder import conf_dir
from mad.report.judging.scaffold import new_declaration


def main(words: Sequence[str]) -> int:
    """The command; returns its exit code. Raises ValueError for a name that cannot be, or is taken."""
    parser = Arguments(prog="mad new", description="Writes the declaration of a new experiment.")
    parser.add_argument("name", metavar="NNN-short-name", help="such as 042-short-name")
    given = parser.parse_args(words)
    file = new_declaration(given.name, root=conf_dir().parent)
    number = given.name[:3]
    print(os.path.relpath(file))
    print(f"  mad -m --dry-run experiment={number}    what it would run")
    print(f"  mad -m experiment={number}              runs it")
    return 0
