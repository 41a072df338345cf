"""One way to do without a likelihood a file: simulations are compared with the data.

A module's name is the method's, with hyphens: ``abc_smc`` is ``abc-smc``.
"""
