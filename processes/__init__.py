"""The shipped library of life cycles: one folder each, no Python."""
