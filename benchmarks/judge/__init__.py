"""The judge on simulated rollouts, beside the rules of others: `python -m benchmarks.judge`.

traffic        what a rollout sees, minute by minute      ours        the product's own judge over it
first_edition  the judge that it replaced, frozen         ending      how a rollout ended, and what it cost
peers/         one rule each, as its documentation has it bound       the minute before which nobody can know
cells          which worlds, and how often                measure     rules x rollouts → figures
situations     warm-up and quiet targets, of their own    variants    other choices, on a few telling cells
goals          what must be reached, and whether it is    speed       import and analysis, in milliseconds
report         figures → tables in docs/judge.md          pictures    figures → docs/pictures/*.svg
"""
