"""Requirements -> Lock, by pip in a subprocess that is prepared for the target."""
