"""Tree -> Bundle: the one file, as `airpack_runtime.layout` describes it; written, opened and read."""
