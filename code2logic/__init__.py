"""From game code to verifiable visual questions."""
