"""Who watches a run: its files, always; the terminal; and a dashboard, if one is asked for.

A tracker is told and never asked: it cannot change a result. A metric is named ``split/quantity``; one
that the clock or the machine determines is named ``cost/...`` and never reaches ``metrics.jsonl``, which
two equal runs share byte for byte.
"""

from mad.track.base import Fan, Tracker
from mad.track.chosen import tracker
from mad.track.files import Files
from mad.track.lines import Lines
from mad.track.live import Live, is_live
from mad.track.settings import Track

__all__ = ["Fan", "Files", "Lines", "Live", "Track", "Tracker", "is_live", "tracker"]
