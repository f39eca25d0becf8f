"""The bundle format: frames, table of contents, decoder, signatures. Its names and limits stand in `layout`."""
