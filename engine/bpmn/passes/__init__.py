"""The passes that read a file into the model, one file each."""
