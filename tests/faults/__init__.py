"""What may go wrong, done to the code on purpose; ``scripts/soak`` does it in full."""
