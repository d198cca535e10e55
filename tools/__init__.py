"""How files that lie in the packages were made."""
