"""The judge on simulated rollouts, beside the rules of others: `python -m benchmarks.judge`.

traffic    what a rollout sees, minute by minute          ours     the product's own judge over it
peers/     one rule each, as its documentation has it     bound    the minute before which nobody can know
cells      which situations, and how often                measure  rules x rollouts → figures
goals      what the judge must reach, and whether it did  speed    import and analysis, in milliseconds
report     figures → tables in docs/judge.md              pictures figures → docs/pictures/*.svg
"""
