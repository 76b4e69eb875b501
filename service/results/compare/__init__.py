"""A working example of a next stage: compare a result with desired action units.

In an avatar pipeline, say, a picture of an actor defines the desired action units, each with an allowed deviation; the
rendered avatar is analysed in turn, and the comparison lists the action units that lie outside, and by how much.
"""
