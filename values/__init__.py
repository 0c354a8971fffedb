"""Values that cross floors: small, frozen, picklable. Every floor may import them; they import none."""
