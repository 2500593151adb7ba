"""The mathematics: machine-checked proofs and what they rest on."""
