-- A lane alone finds a barred document by a hash of its day, which is made from the number. It is
-- sealed, and goes when the entry is lifted; NULL also: made before numbers were kept.
ALTER TABLE barred ADD COLUMN document_sealed bytea;
