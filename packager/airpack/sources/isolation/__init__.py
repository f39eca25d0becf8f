"""What keeps builds apart: an environment of their own, of which variables and files they see what they need."""
