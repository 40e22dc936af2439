"""How a file is refused. Each error says what is wrong with the file and what to do; none repeats a number."""


class FileRefused(Exception):
    """The file is not what it is taken for, or not whole. Nothing was changed."""
