"""How well a bundle does on labelled pictures: figures, never pictures."""
