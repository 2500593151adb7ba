"""ResNets with the 3x3 stem that SimCLR uses for CIFAR (no max-pool), down to a tiny one for a laptop.

Those named `-large` have the usual stem for larger images: 7x7 with stride 2, and a max-pool. `small`, for a CPU, sees
an image in 5x5 patches, four pixels apart: few pixels with many channels fill a core's matrix units.

Source: He et al. 2016; Chen et al. 2020, appendix B.9 (the stem); `zero_init_residual` as in the released code.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssllib.engine.methods.conv import Conv2d
from ssllib.engine.methods.vit import SIZES, ViT
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import one_of

STAGES = {  # name: (blocks per stage, bottleneck?, side and stride of the stem)
    "mini": ((1, 1, 1), False, 3, 2),
    "tiny": ((1, 1, 1), False, 3, 1),
    "small": ((1, 1, 1), False, 5, 4),
    "resnet18": ((2, 2, 2, 2), False, 3, 1),
    "resnet50": ((3, 4, 6, 3), True, 3, 1),
    "resnet18-large": ((2, 2, 2, 2), False, 7, 2),
    "resnet50-large": ((3, 4, 6, 3), True, 7, 2),
}


class Block(nn.Module):
    """A residual block: two 3x3 convolutions, or 1x1, 3x3, 1x1 with four times the channels (bottleneck)."""

    def __init__(self, inputs: int, channels: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        outputs = channels * 4 if bottleneck else channels
        shapes = (
            [(inputs, channels, 1, 1), (channels, channels, 3, stride), (channels, outputs, 1, 1)]
            if bottleneck
            else [(inputs, channels, 3, stride), (channels, channels, 3, 1)]
        )
        self.convs = nn.ModuleList(Conv2d(i, o, k, s) for i, o, k, s in shapes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _, o, _, _ in shapes)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(Conv2d(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        y, last = x, len(self.convs) - 1
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            y = norm(conv(y))
            if i < last:
                y = torch.relu_(y)
        return torch.relu_(y.add_(self.shortcut(x)))


class ResNet(nn.Module):
    """Images (n, 3, h, w) to features (n, `features`): stem, stages of doubling width, global average pool."""

    def __init__(self, name: str = "resnet18", width: int = 64, zero_init_residual: bool = True) -> None:
        super().__init__()
        one_of("backbone", name, STAGES)
        blocks, bottleneck, size, stem = STAGES[name]
        self.pools = name.endswith("-large")
        self.conv = Conv2d(3, width, size, stem)
        self.norm = nn.BatchNorm2d(width)
        layers: list[Block] = []
        channels = width
        for stage, count in enumerate(blocks):
            for i in range(count):
                stride = 2 if stage > 0 and i == 0 else 1
                layers.append(Block(channels, width * 2**stage, stride, bottleneck))
                channels = layers[-1].outputs
        self.blocks = nn.Sequential(*layers)
        self.features = channels
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        if zero_init_residual:
            for b in layers:
                nn.init.zeros_(next(b.norms[-1].parameters()))  # its scale

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu_(self.norm(self.conv(x)))  # (n, width, h, w)
        if self.pools:
            x = F.max_pool2d(x, 3, 2, 1)
        return self.blocks(x).mean(dim=(2, 3))  # (n, features)


def backbone_of(c: TrainConfig) -> ResNet | ViT:
    """The backbone of a configuration; its `features` are the dimensions of its output."""
    return ViT(c.backbone, c.width, c.patch) if c.backbone in SIZES else ResNet(c.backbone, c.width)
