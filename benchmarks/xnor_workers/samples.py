"""What the workers on LibTorch convolve: the same numbers in each."""

import torch


def sample(layer, batch):
    """Input, in channels_last, with zeros of both signs, and weight, scale and bias; float32."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, layer.in_channels, layer.size, layer.size, generator=generator)
    x.view(-1)[::7] = 0.0
    x.view(-1)[::11] = -0.0
    weight = torch.randn(layer.out_channels, layer.in_channels, layer.kernel, layer.kernel, generator=generator)
    weight.view(-1)[::13] = -0.0
    scale = torch.rand(layer.out_channels, generator=generator) + 0.5
    bias = torch.randn(layer.out_channels, generator=generator)
    return x.contiguous(memory_format=torch.channels_last), weight, scale, bias


def pairs(layer):
    """Stride, padding and dilation, as the operators take them."""
    return [layer.stride] * 2, [layer.padding] * 2, [1, 1]
