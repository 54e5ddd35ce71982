"""What the controller costs and how fast it is: start-up under Lambda's own runtime, money per rollout, many at once.

    python -m benchmarks.performance startup      ≈ 3 min; Linux
    python -m benchmarks.performance cost         ≈ 2 min
    python -m benchmarks.performance scale        ≈ 30 min on a quiet machine; smaller sizes first
    python -m benchmarks.performance report       writes docs/performance.md from what the others found

Each writes its figures into `results.json`.
"""
