"""Source -> wheel: what wheels are built from, and how they are built for a target."""
