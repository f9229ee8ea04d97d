VERSION = "3.0.0.dev0"  # as in pyproject.toml
