"""Word vectors: queries and file formats."""
