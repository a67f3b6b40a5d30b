"""What reads both wings: approvals, risk, and the data that says who must approve what."""
