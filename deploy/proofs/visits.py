"""Somebody at the console's door, as a browser is: asks for its pages, tries to sign in, looks at a scan.

Usage: visits.py answers|nobody|wrong|clinician. It ends with an error where the console does otherwise.
"""

import sys

from visiting import PIN, Visitor

PORT = 8443
CLOSED = ("/", "/lesions", "/inbox", "/start", "/live", "/device", "/lesion/1", "/scan/1/picture")


def answers(visitor: Visitor) -> None:
    """It asks who is there."""
    expect(visitor.get("/sign-in").status == 200, "the form of the sign-in")


def nobody(visitor: Visitor) -> None:
    """It shows nothing and lets nobody in."""
    for path in CLOSED:
        answer = visitor.get(path)
        expect(answer.status == 303 and answer.location == "/sign-in", path)
    wrong(visitor)


def wrong(visitor: Visitor) -> None:
    """A passphrase that is nobody's."""
    expect(visitor.sign_in("a.wren", PIN[::-1]).status == 401, "a wrong passphrase is refused")


def clinician(visitor: Visitor) -> None:
    """A clinician sees a scan and its picture."""
    expect(visitor.sign_in().status == 303, "the sign-in")
    scan = visitor.get(visitor.get("/inbox").link(r"/scan/[^\"/]+"))
    picture = visitor.get(scan.link(r"/scan/[^\"/]+/picture"))
    expect(picture.status == 200 and picture.headers["Content-Type"].startswith("image/"), "a picture")


def expect(holds: bool, what: str) -> None:  # noqa: FBT001 - the promise itself
    """End with what did not hold."""
    if not holds:
        sys.exit(f"not as it should be: {what}")


if __name__ == "__main__":
    {"answers": answers, "nobody": nobody, "wrong": wrong, "clinician": clinician}[sys.argv[1]](Visitor(PORT))
