"""The only floor that knows both wings: one short file for each service task."""
