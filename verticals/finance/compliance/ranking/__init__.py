"""Which alert to look at first: counters and boosting, then attention over the evidence."""
