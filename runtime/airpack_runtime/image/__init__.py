"""What the image is and has: its profile, its packages, the variables of Azure ML, requirements files."""
