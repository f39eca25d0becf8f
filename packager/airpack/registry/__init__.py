"""OCI images to registries, and back, by the OCI distribution specification 1.1."""
