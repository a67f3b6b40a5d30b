"""Other people's tools: a port for each thing they do for us, and one file for each tool."""
