"""What vectors are worth: analogies, similarity judgements, and the exact loss on text that was not seen."""
