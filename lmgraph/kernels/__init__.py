"""Every numba function: plain arrays in and out, no checks, no Python objects."""
