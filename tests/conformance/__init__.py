"""Our own one-element diagrams with their expected run, and a command that judges any folder of diagrams."""
