"""Rule data: one dated YAML file each."""
