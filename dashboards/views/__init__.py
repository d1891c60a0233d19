"""The pages: each view authenticates, parses, makes one call and responds."""
