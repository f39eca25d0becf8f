"""The commands of `airpack`, each in a module of its own: its arguments, what it calls, what it prints.

A module has `add(commands)`, which adds the command to argparse, and `run(arguments, env)`, which may return an exit
status. Errors end with status 1, or with their own, or at least with the default `error_status` that a command sets.
"""
