"""The faces of Gatewright: pages, API, command line, demo."""
