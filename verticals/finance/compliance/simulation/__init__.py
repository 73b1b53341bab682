"""Made-up worlds of customers and payments, with planted typologies and the truth about them."""
