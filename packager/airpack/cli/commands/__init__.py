"""The commands of `airpack`, one a module: its arguments, what it calls, what it prints.

Each has `add(commands)`, which describes it to argparse, and `run(arguments, env)`, which may return an exit status.
"""
