"""Mutation testing: how many small changes of the controller's code do the fast tests notice?

    python -m benchmarks.mutants                        300 mutants drawn by seed 1
    python -m benchmarks.mutants --at functions/rollout/core/pace.py:20     every mutant of one line

Why not a mutation testing tool. Three things are wanted: mutants of the whole file, constants and tables of modules
included (a table of decisions is the heart of the controller); a sample drawn by a seed; and for each mutant only the
tests that cover it. Both tools that are maintained were tried:

- mutmut 3.8.1 changes only what is inside functions, and none with a decorator such as `property`; it expects that a
  module is imported by its path below the project (or below `src/`), which `functions/` is not.
- cosmic-ray 8.7.0 changes whole files, and removes no statement and no argument; it runs one test command for every
  mutant, and writes each mutant over the file in the working tree.

So this is a small driver around `ast` (what is changed), coverage.py (which tests cover it) and pytest. A mutant is
compiled from the changed tree in a process of its own; no file is written, so that one can work on meanwhile.
"""
