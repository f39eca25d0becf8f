"""Libraries of the system that go into a bundle: found, checked, and loaded before what needs them."""
