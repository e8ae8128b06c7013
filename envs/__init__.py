"""What an agent acts in: Gymnasium environments that speak text."""
