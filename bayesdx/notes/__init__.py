"""Notes in the words of a clinician: text in, proposed findings out. Knows no probabilities."""

from bayesdx.notes.reader import read_note
from bayesdx.notes.reading import Conflicting, LeftOut, NoteReading, Proposal, Span

__all__ = ["Conflicting", "LeftOut", "NoteReading", "Proposal", "Span", "read_note"]
