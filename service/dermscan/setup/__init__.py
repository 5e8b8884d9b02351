"""A device's first start: asks what must be known, tries it, and writes it down. It shows no key, but words once."""
