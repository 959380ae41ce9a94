"""Makes a virtual environment work wherever it and the app are moved together.

relocate.py VENV APP. Every staging and every instance has a path of its own,
but pip writes absolute ones: into the first line of scripts, and into what
says where editable packages (-e .) lie.
"""

import os
import re
import sys

venv, app = (os.path.abspath(p) for p in sys.argv[1:3])
python = os.path.join(venv, "bin", "python").encode()

# Shell and Python both read this: for the one it starts the Python beside the
# script, for the other it is a string. It is what pip itself writes where a
# path is too long for the kernel.
header = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
"""
# "#!/…/bin/python3.11", or pip's three lines, with the path in quotes or not.
absolute = re.compile(
    rb"\A#!(?:/bin/sh\n'''exec' \"?)?" + re.escape(python) + rb"[0-9.]*\"?[^\n]*\n(?:' '''\n)?"
)


def rewrite(path, change):
    """Replaces a file's content, which keeps its mode."""
    with open(path, "rb") as f:
        before = f.read()
    after = change(before)
    if after != before:
        with open(path, "wb") as f:
            f.write(after)


def relative(folder):
    """A change of absolute lines below app or venv into ones relative to folder."""

    def line(text):
        for top in (app.encode(), venv.encode()):
            if text == top or text.startswith(top + b"/"):
                return os.path.relpath(text, folder.encode())
        return text

    return lambda content: b"\n".join(line(t) for t in content.split(b"\n"))


def computed(folder):
    """A change of Python strings that name paths below app into ones made at import."""
    literal = re.compile(rb"(['\"])" + re.escape(app.encode()) + rb"((?:/[^'\"\\]*)?)\1")
    up = os.path.relpath(app, folder).encode()
    return lambda content: literal.sub(
        lambda m: b"__import__('os').path.abspath(__file__ + '/../" + up + m[2] + b"')", content
    )


for name in os.listdir(os.path.join(venv, "bin")):
    path = os.path.join(venv, "bin", name)
    if name.lower().startswith("activate"):
        os.remove(path)  # made for one path; PATH and VIRTUAL_ENV are set anyway
    elif os.path.isfile(path) and not os.path.islink(path):
        rewrite(path, lambda content: absolute.sub(lambda _: header, content))

for folder, _, names in os.walk(os.path.join(venv, "lib")):
    if os.path.basename(folder) != "site-packages":
        continue
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith((".pth", ".egg-link")):
            rewrite(path, relative(folder))
        elif name.startswith("__editable__") and name.endswith("_finder.py"):
            rewrite(path, computed(folder))
