"""The page on which a reader scrolls a study, corrects findings and reads the report."""
