"""The shim's commands: `exec`, and those that people run."""
