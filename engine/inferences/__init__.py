"""The inference log: what each deployed version answered, to whom, when, and on which input."""
