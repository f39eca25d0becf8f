"""Locks of other tools, each read into `Pins`: exactly what it means for one target."""
