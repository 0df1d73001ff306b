"""Rendered, clothed actors with exact truth: the studio that makes the shipped performances (optional extra `studio`).

A performance comes about in this order. `body.make_body` gives a `Shape` a mesh and bones, `wardrobe.dress` puts an `Outfit` on it
(cut by `tailor`, with `hair` and `face`), `choreography.choreograph` writes what is done, `motion.retarget` lets the body do it,
and `renderer.Renderer` films it. `cast.CAST` says who is who, and `film` puts everything together: it is what the command line
and most callers want, with `crowd` for stills of many people. Nothing in the library outside of this package imports it.
"""
