"""The untrusted side of the wall: what runs in the nursery and in the workers. Standard library and torch only."""
