"""From what is typed, and what the environment and files set, to the arguments of a command."""
