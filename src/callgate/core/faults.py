"""How a failure that nobody expected is logged: by its type and its place.

Its text and its trace are left out. They may quote what was being worked on, and that may be a person's number.
"""

import traceback


def place_of(error: BaseException) -> str:
    """File and line where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
