"""The papers' simulations, a file each."""
