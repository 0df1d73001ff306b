"""The networks of Sec. 3.2 and the maps that condition them: U-Net G, PatchGANs D_p and D_s, VGG features, W(x, f)."""

from .conditioning import confidence_maps, limb_falloff
from .patchgan import PatchGAN
from .unet import UNet
from .vgg import VGGFeatures
from .warping import warp

__all__ = ["PatchGAN", "UNet", "VGGFeatures", "confidence_maps", "limb_falloff", "warp"]
