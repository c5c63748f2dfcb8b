"""Languages whose applications answer requests, one package each.

A language registers itself in `uwsgid.families.languages`; what it has to offer are the few verbs that
`uwsgid.languages.python.language.Python` tells.
"""
