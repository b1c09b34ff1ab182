"""Reading a corpus: finding files, decompressing, decoding, splitting into sentences."""
