"""The image that packages are for: its Python, platform and packages; and an interpreter that stands in for its own."""
