"""Why a resolve failed: the facts of pip's process, or its own messages, and the error that a user reads."""
