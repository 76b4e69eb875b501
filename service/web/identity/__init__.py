"""Routes for enrolling, searching and deleting faces, added where IDENTITY is on."""
