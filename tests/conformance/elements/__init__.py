"""One diagram an element: what the standard has, drawn as small as it can stand, and what has to become of it."""
