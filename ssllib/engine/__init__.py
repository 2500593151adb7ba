"""The training: configuration, loop and step, methods, data, evaluation, simulations."""
