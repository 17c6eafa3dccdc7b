"""What `vatwatch doctor` looks at, one module for each subject.

Each `examine_…` takes settings, looks at the world once, changes nothing, and yields findings. What
it decides is in plain functions of the facts that it found.
"""
