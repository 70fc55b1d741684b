"""Measurements, each by one command from the root of the project: `python -m benchmarks.<name> --help`.

`loop`: what the training loop costs. `objectives`: speed of every objective, alone, in a bare loop and against
transformers. `ordering`: which objectives learn agreement, and how soon. `recipes`: a shipped recipe against floors
that its losses have to beat. `gpu`: agreement of GPU with CPU, speed and memory.

Speed is given as a ratio taken in one run, ours and the other in turn on the same work. Three of them write what they
find into a page of `docs/results`; with `--quick` they show that they work, and only print.
"""
