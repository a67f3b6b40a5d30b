"""The policies that ship with the house, one YAML file each; `docs/policies.md` tells what a file holds."""
