"""Feeds: where what a model is asked comes from, beside the scoring service; each window read once, and counted."""
