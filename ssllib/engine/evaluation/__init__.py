"""What is measured of a network, on the way and at the end."""
