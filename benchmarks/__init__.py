"""Speed and size of goldenbatch, as JSON: `python -m benchmarks`."""
