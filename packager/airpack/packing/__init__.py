"""Chains the stages: one pack, many packs of a file, and packing again to compare the bytes."""
