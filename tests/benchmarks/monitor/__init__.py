"""What drift of a table costs, here and by others."""
