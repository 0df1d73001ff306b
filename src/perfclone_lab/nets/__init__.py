"""The networks of the rivals: CycleGAN's ResNet and those of pose-guided person generation."""
