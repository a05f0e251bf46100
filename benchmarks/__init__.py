"""How fast the bench is where its users wait, side by side with what they would use instead."""
