"""Notes in the words of a clinician: text in, proposed findings out. Knows no probabilities."""

from bayesdx.notes.note_reading import Conflicting, LeftOut, NoteReading, Proposal, Span
from bayesdx.notes.reader import read_note

__all__ = ["Conflicting", "LeftOut", "NoteReading", "Proposal", "Span", "read_note"]
