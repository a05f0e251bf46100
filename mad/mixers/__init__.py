"""Sequence mixers under one law: cutting time anywhere and carrying the state changes nothing."""
