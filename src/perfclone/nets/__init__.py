"""The networks of Sec. 3.2 and the maps that condition them: U-Net G, PatchGANs D_p and D_s, VGG features, W(x, f).

And the generator of CycleGAN, with which the paper compares.
"""

from .conditioning import confidence_maps, limb_falloff
from .patchgan import PatchGAN
from .resnet import ResNet
from .unet import UNet
from .vgg import VGGFeatures, load_vgg
from .warping import warp

__all__ = ["PatchGAN", "ResNet", "UNet", "VGGFeatures", "confidence_maps", "limb_falloff", "load_vgg", "warp"]
