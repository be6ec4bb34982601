-- What was entered from paper, newest first; rare among the notes.
CREATE INDEX admission_note_paper ON admission_note (site_id, admission_id)
    WHERE kind = 'back_entry';
