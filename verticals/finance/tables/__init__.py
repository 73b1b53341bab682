"""Tables in files: columns of any delimiter and encoding, dates of any style."""
