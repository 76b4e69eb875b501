"""The whole pipeline on one machine, for trying it out and for the tests: nothing of it is deployed."""
