"""From findings to a report: what is said, in which words, and that it holds."""
