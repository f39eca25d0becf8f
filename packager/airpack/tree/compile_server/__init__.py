"""What compiles modules in the target's Python: its text is run there, and nothing of it here."""
