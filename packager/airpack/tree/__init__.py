"""Wheelhouse -> Tree: wheels installed, compiled, and what of each goes into a bundle."""
