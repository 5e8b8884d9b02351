"""The bedside page: how the work stands, large and calm; it never asks for a person or a result."""
