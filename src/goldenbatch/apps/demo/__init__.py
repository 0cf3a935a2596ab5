"""The demonstration plant: twins that speak real protocols, and the home that watches them."""
