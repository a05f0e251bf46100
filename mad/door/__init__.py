"""From what a user typed to plain, checked configs. Hydra ends here, and nothing here imports torch."""
