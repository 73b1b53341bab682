"""The page of a bank's desk: a live stream of card payments, market risk, compliance alerts and notes on filings."""
