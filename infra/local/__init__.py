"""Run the whole pipeline on one machine, for trying it out and for the tests; nothing here is deployed."""
