"""Programs that leave the house with a version: they import the standard library alone, and nothing of Gatewright."""
