"""Process P in this engine and in others, in one interleaved run on one server."""
