"""The passes that read a file into the model, and those that make explicit what it implies, one file each."""
