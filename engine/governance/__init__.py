"""What is owed and what was granted: tiers, approvals, reviews. Reads both wings, is read by handlers and faces."""
