"""What may be concluded: claims, estimands, words, verdicts, the papers and their tables."""
