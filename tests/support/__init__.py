"""What several tests share: real wheels built on the spot, a loopback index, sandboxes."""
