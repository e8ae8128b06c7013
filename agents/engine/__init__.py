"""Sampling from the policy's own weights: one engine of ours, one of transformers, behind `sampling.Engine`."""
