"""Tables that are divided by rows among shards: the protocol, the steps and the checkpoints, on any transport."""
