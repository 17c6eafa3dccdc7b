"""Each setting that can be reloaded has an effect on who uses it, in a tree that runs.

A test says by `takes_effect` whose effect it shows; `test_every_setting.py` looks for those that
have none.
"""
