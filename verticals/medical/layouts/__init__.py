"""The layouts in which labelled scans lie in folders: each file finds the pairs of one, and says what is wrong."""
