"""Full fault campaigns: the same checks as in the tests, many times, with a dated report."""
