"""Makes a tree that is not there yet: takes a mounted folder, mounts an image, or unpacks a bundle."""
