"""Child processes under limits: the engine, the decoders of uploaded media and the pool of interactive children."""
