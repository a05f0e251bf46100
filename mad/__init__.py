"""mad: a test bench for sequence mixers, from an idea to seeds, controls and a verdict."""
