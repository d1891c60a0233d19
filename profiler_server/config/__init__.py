"""The composition root: environment, settings, URLs, Celery, embedded servers."""
