"""What comes over a network."""
