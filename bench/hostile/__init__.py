"""Files as nobody should write them, by kind, and deepmir as it reads them."""
