"""Many files through a service somewhere else, and their results back: resumable, several at once, no terminal."""
