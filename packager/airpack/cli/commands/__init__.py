"""The commands of `airpack`, each in a module of its own: its arguments, what it calls, what it prints.

A module has `add(commands)`, which adds the command to argparse, and `run(arguments, env)`, which may return an exit
status.
"""
