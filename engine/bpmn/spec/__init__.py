"""What SpiffWorkflow executes: one class a kind of element, and the builder that makes them from the model."""
