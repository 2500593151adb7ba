"""Shared by all tests: one thread each, because two tests run at a time on two processors."""

import torch

torch.set_num_threads(1)
