"""National lists: their form, on disk and in Redis, and how a new version comes into force."""
