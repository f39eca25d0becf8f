"""The bundle format: frames, table of contents, decoder, signatures. Its names and numbers stand in `layout`."""
