"""A vision transformer for small images (Dosovitskiy et al. 2021).

Positions are the fixed two-dimensional sine-cosine code of MoCo v3, so images of any size fit; the feature is
the class token behind the last layer norm.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssllib.errors import InputError, one_of

SIZES = {  # name: (layers, heads, dimension in units of the width)
    "vit-mini": (4, 4, 4),
    "vit-small": (12, 6, 6),  # width 64: ViT-S
}


class Layer(nn.Module):
    """Self-attention and a two-layer perceptron, each behind a layer norm and around a residual."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)  # (n, heads, t, d / heads)
        x = x + self.out(y.transpose(1, 2).reshape(n, t, d))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """Images (n, 3, h, w) to features (n, `features`); h and w are multiples of `patch`."""

    def __init__(self, name: str = "vit-small", width: int = 64, patch: int = 4) -> None:
        super().__init__()
        one_of("backbone", name, SIZES)
        layers, heads, units = SIZES[name]
        dim = self.features = units * width
        if dim % (4 * heads):
            raise InputError(f"width of {name} is {width}; allowed: {units} x width a multiple of {4 * heads}")
        self.patch = patch
        self.patches = nn.Conv2d(3, dim, patch, patch)
        self.token = nn.Parameter(torch.zeros(dim))
        self.layers = nn.Sequential(*(Layer(dim, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.trunc_normal_(m.weight, std=0.02)
                nn.init.zeros_(m.bias)
        nn.init.normal_(self.token, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        if h % self.patch or w % self.patch:
            raise InputError(f"images are {h} x {w}; allowed for this network: multiples of patch = {self.patch}")
        grid = self.patches(x)  # (n, d, h / patch, w / patch)
        seen = grid.flatten(2).mT + positions(grid.shape[2], grid.shape[3], self.features).to(grid)
        x = torch.cat([self.token.to(seen).expand(len(x), 1, -1), seen], dim=1)  # (n, 1 + patches, d)
        return self.norm(self.layers(x))[:, 0]


def positions(h: int, w: int, dim: int) -> Tensor:
    """Sines and cosines (h * w, dim) of row and column at `dim` / 4 frequencies, as MoCo v3 has them."""
    rate = 10_000 ** -(torch.arange(dim // 4) / (dim // 4))
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    turns = [place.reshape(-1, 1) * rate for place in (x, y)]  # (h * w, dim / 4) each
    return torch.cat([f(t) for t in turns for f in (torch.sin, torch.cos)], dim=1)
