"""Which bulletin is this? Speech becomes words of bits; words are looked up and compared."""
