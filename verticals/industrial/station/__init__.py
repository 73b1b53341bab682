"""The page of an inspection station: a unit in 3-D with its evidence, control charts, the running line."""
