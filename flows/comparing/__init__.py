"""Runs of one store against the first of them: what was set differently, where they part, and what that did.

`runs` puts it together from `scored` (a scored set as it lies in the store), `scores` (differences that are tested),
`reseeding` (what other seeds of the same recipes gave) and `flips` (the examples that turned).
"""
