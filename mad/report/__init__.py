"""What a run leaves behind: its identity, its folder, its result. Nothing here imports torch."""
