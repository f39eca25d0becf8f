"""Results: the folder that a pack writes. Its manifest, its signatures, what may be replaced in it."""
