"""Bundles as OCI images: what registries distribute and container engines mount."""
