"""A permissively licensed face analyser that answers to the command line of OpenFace 2.x."""

__version__ = "0.1.0"
