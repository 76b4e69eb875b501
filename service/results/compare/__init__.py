"""What may come after an analysis, as an example that works: a result held against desired action units.

An avatar pipeline, for one: a picture of an actor says which action units are wanted, each with an allowed deviation;
what is rendered is analysed in turn, and this says which action units lie outside, and by how much.
"""
