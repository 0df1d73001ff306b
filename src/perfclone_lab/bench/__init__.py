"""How fast a training's step, a frame's cloning and a frame's capture are here, beside a straightforward way and the machine's limit."""
