"""Values that cross floors: small, frozen, picklable. Everything else may import them; they import nothing of ours."""
