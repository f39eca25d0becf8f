"""A static package index of wheels: pages and files that any web server, object store or folder can serve."""
