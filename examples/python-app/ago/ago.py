"""Says in words how long ago something was."""

UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def in_words(seconds):
    """in_words(90) is "1 minute ago"; below a second it is "now"."""
    for name, size in UNITS:
        count = int(seconds // size)
        if count > 0:
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "now"
