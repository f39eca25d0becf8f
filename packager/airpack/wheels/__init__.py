"""Lock -> Wheelhouse: the wheels themselves, fetched, opened and checked; the zstd decoder that a bundle carries."""
