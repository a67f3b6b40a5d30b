"""Models, their versions and everything that belongs to them."""
