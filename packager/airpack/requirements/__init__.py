"""What is asked for: requirements, files of them, and what a project's own files require."""
