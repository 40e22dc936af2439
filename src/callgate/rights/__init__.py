"""What persons ask of a company that has them called, and what is done about it.

    desk        requests: opened, identified, extended, refused, closed
    erasing     erasure (GDPR Art. 17)
    access      everything that is held, in one document (Art. 15, 20)
    limiting    restriction and its lifting, rectification, objections by letter (Art. 16, 18, 21)
    certificate what was erased and what was kept, signed
    pages       the documents as pages to read and print
    watch       reminders, deadlines, and what an erasure left to do

Nothing here speaks HTTP or Redis: whoever asks is a `core.access.Principal`, and what is done is an event.
"""
