"""``python -m mad.report 008`` writes an experiment's report; with ``--check`` it only compares.

It reads records and nothing else: no torch, no network.
"""

import argparse
import sys
from collections.abc import Sequence

from mad.report.pages.publish import check, publish


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code: 1 where pages and records differ, 2 for a mistake of the user."""
    parser = argparse.ArgumentParser(
        prog="python -m mad.report", description="Writes report.md and report.html of an experiment."
    )
    parser.add_argument(
        "experiment", nargs="+", help="008, a short name, or a full one; several are possible"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if pages and records differ"
    )
    given = parser.parse_args(arguments)
    try:
        if given.check:
            parted = [line for reference in given.experiment for line in check(reference)]
            print("\n".join(parted) or "the pages say what the records say", file=sys.stderr)
            return 1 if parted else 0
        for reference in given.experiment:
            for line in publish(reference):
                print(line)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
