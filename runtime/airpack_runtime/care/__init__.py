"""What people ask for: the boot's log line, `doctor`, and the care of cache folders."""
