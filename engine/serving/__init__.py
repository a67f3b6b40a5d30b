"""Where versions run: environments, deployments, the targets that run them, and the scoring service."""
