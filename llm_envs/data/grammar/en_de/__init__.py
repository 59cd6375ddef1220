"""English and German."""
