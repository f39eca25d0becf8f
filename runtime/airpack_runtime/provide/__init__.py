"""Provides a tree that no earlier boot left: uses a mounted folder, mounts an image, or unpacks a bundle."""
