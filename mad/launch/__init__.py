"""Where runs run: a pool of one-thread processes on this machine."""
