"""One door to the engines that run an exported program."""
