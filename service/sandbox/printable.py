"""Text of a child as it may be shown.

Separate because children read tables by it, and shall not load what starts children.
"""


def clean(text: str) -> str:
    """Return text of a child as it may be shown: line ends kept, other control characters replaced."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    if unified.replace("\n", "").isprintable():
        return unified
    return "".join(char if char == "\n" or char.isprintable() else "�" for char in unified)
