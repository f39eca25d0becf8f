"""Results to object stores and shared folders, and back."""
