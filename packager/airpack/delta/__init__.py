"""Deltas: what a new bundle has and an old one lacks, to carry across the gap in its place (docs/format.md)."""
