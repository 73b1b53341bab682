"""Names against lists: spelling, order, transliteration, date of birth, country."""
