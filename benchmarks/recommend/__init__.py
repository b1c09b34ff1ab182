"""Recommendation on two public data sets with standard splits: ours, implicit's, and published figures."""
