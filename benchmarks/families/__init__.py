"""Made-up services that are hard to judge: families of recordings beside the public suite's, with their truth."""
