"""Training: the order of the data, updates, selection, checkpoints. Nothing here names a mixer or a task."""
