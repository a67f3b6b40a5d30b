"""What happens to a version once it is relied on: its windows held against its reference."""
