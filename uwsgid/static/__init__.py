"""Files that workers serve themselves: which ones, who may leave which directory, and how they are answered.

Nothing of this package but its options is imported, unless a configuration asks for files.
"""
