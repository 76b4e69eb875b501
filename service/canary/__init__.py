"""The reference picture that each worker measures again and again, to notice an engine that measures otherwise."""
