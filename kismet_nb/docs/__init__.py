"""The reference as a site: hand-written pages, the docstrings, and the notebooks with their outputs.

``kismet-nb docs`` runs this package in a process of its own. Sphinx reads ``conf.py`` and the Markdown in ``pages/``.
"""
