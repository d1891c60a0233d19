"""Every recorded program replayed through the server's own door, and what Plimsoll says of each beside the truth."""
