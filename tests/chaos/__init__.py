"""Breaks a running service in every way that is known, and proves that it lost nothing.

    python -m tests.chaos --faults 500 --seed 1

`house.py` starts the parts (simulator, PostgreSQL, Redis, the service, proxies between them);
`faults.py` is what can be done to them; `proof.py` says whether all is there, once, afterwards.
"""
