"""The layers that xnor_layers.py times: square pictures, square kernels, as in the networks named by their groups."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    group: str
    size: int
    in_channels: int
    out_channels: int
    kernel: int
    stride: int

    @property
    def name(self):
        if self.size == 1:
            return f"linear, {self.in_channels} to {self.out_channels}"
        shape = f"{self.size}x{self.size}x{self.in_channels} to {self.out_channels}"
        return f"{shape}, {self.kernel}x{self.kernel}, stride {self.stride}"

    @property
    def padding(self):
        return self.kernel // 2

    @property
    def out_size(self):
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def keeps_shape(self):
        return self.in_channels == self.out_channels and self.size == self.out_size


GROUPS = {
    "resnet-s1": "ResNet-18, 3x3, stride 1",
    "resnet-s2": "ResNet-18, 3x3, stride 2",
    "downsample": "ResNet-18, 1x1 after pooling",
    "vgg": "CIFAR VGG, 3x3",
    "quicknet": "QuickNet-Small's own, 3x3",
    "linear": "linear, as a 1x1 convolution of one pixel, which is LibTorch's faster way too",
    "first": "ResNet-18, first layer",
}

LAYERS = (
    Layer("resnet-s1", 56, 64, 64, 3, 1),
    Layer("resnet-s1", 28, 128, 128, 3, 1),
    Layer("resnet-s1", 14, 256, 256, 3, 1),
    Layer("resnet-s1", 7, 512, 512, 3, 1),
    Layer("resnet-s2", 56, 64, 128, 3, 2),
    Layer("resnet-s2", 28, 128, 256, 3, 2),
    Layer("resnet-s2", 14, 256, 512, 3, 2),
    Layer("downsample", 28, 64, 128, 1, 1),
    Layer("downsample", 14, 128, 256, 1, 1),
    Layer("downsample", 7, 256, 512, 1, 1),
    Layer("vgg", 32, 128, 128, 3, 1),
    Layer("vgg", 16, 256, 256, 3, 1),
    Layer("vgg", 8, 512, 512, 3, 1),
    Layer("quicknet", 56, 32, 32, 3, 1),
    Layer("quicknet", 28, 64, 64, 3, 1),
    Layer("linear", 1, 8192, 1024, 1, 1),
    Layer("first", 224, 3, 64, 7, 2),
)
