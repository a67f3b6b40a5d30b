"""Programs that run in the sandbox, as text; nothing here is imported by the house."""
