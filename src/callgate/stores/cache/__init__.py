"""What Redis holds, and may lose: objections, consents, relations, attempts to call; how it is asked and made anew."""
