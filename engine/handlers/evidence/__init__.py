"""What deciders are shown: one file a provider. Its content is frozen, by digest, when the task opens."""
