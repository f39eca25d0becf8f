"""What people ask for: the line that a boot logs, `doctor`, and the care of cache folders."""
