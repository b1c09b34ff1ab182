"""Word vectors: text -> vocabulary -> id stream -> batches of readers -> tables -> vectors, scores, pictures."""
