"""Tree x Target -> Findings: whether what is packed can work in the image."""
