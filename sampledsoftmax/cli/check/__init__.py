"""The commands that check samplers and losses of one's own."""
