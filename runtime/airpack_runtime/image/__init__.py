"""What the image is and has: its profile, its packages, Azure ML's variables, requirements files."""
