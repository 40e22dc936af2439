"""The pages for people: rendered here, with a small script where something moves by itself."""
