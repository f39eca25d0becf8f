"""Whether a bundle, a folder of results or a tree is whole, and whether what it brings can be imported."""
