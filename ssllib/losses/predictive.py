"""Losses without negatives, in which one branch predicts the other and only the first is trained."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ssllib.errors import InputError
from ssllib.losses.common import check_pair, check_temperature, unit, wide


def negative_cosine(p: Tensor, z: Tensor) -> Tensor:
    r"""The mean of $-\hat p_i^\top \hat z_i$, with no gradient for z.

    The stop-gradient is inside, so that a caller cannot forget it: SimSiam's loss is
    `(negative_cosine(p1, z2) + negative_cosine(p2, z1)) / 2`, and BYOL's twice their sum, up to a constant.

    Args:
        p: predictions, shape (n, d).
        z: targets, shape (n, d), detached here. Neither is normalised (this function does).

    Returns:
        A scalar from -1 to 1.

    Source: Chen and He 2021, Eq. 1 and 3 and Algorithm 1; $\mathcal L^A$ of 2502.09252 Eq. 1.
    """
    check_pair(p, z, names="predictions and targets")
    return -(unit(p) * unit(z.detach())).sum(dim=1).mean()


def dino(
    student: Tensor,
    teacher: Tensor,
    center: Tensor,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
) -> Tensor:
    r"""Cross-entropy between the teacher's centred, sharpened output and the student's, mean over n samples.

    $$L = -\frac{1}{n}\sum_i \sum_k P^t_{ik} \log P^s_{ik}, \qquad P^s_i = \mathrm{softmax}(s_i / \tau_s),
          \quad P^t_i = \mathrm{softmax}((t_i - c) / \tau_t)$$

    One pair of views: the caller averages over the pairs of different views, and moves the centre. There is
    no gradient for the teacher or the centre.

    Args:
        student, teacher: the heads' outputs, shape (n, k), row i of both the same image in two views.
        center: c, shape (k,) or (1, k).
        student_temperature, teacher_temperature: both positive; the teacher's lower.

    Returns:
        A scalar, at least the entropy of the teacher's output.

    Source: Caron et al. 2021, Eq. 1 and 2 and Algorithm 1.
    """
    check_pair(student, teacher, names="outputs of student and teacher")
    if center.shape not in (student.shape[1:], (1, *student.shape[1:])):
        k = student.shape[1]
        raise InputError(f"the centre has shape {tuple(center.shape)}; allowed: ({k},) or (1, {k})")
    check_temperature(student_temperature, "student_temperature")
    check_temperature(teacher_temperature, "teacher_temperature")
    with torch.no_grad():
        target = F.softmax((wide(teacher) - center) / teacher_temperature, dim=1)  # (n, k)
    return -(target * F.log_softmax(wide(student) / student_temperature, dim=1)).sum(dim=1).mean()
