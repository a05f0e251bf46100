"""What was declared, what it is held against, and the verdict."""
