"""The command line: `gatewright`."""
