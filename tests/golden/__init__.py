"""What TensorFlow gave, recorded by record.py, for machines on which TensorFlow has no wheel."""
