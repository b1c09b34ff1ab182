"""Word vectors: text -> vocabulary -> id stream -> pairs -> `SkipGram.step` -> vectors."""
