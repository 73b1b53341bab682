"""Market risk: the volatility of a price series, its bounds and its tail."""
