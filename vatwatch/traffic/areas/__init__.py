"""Positions of controllers and the areas that they work, from files that the community keeps."""
