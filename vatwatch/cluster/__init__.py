"""Several processes as one service: what they know of each other. Pure."""
