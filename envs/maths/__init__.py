"""The families of math-v0: each a function `(draw, difficulty) -> Problem`, listed in ludex.envs.math."""
