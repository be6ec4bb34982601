-- Who resolved a conflict, by the name of the account: it must be readable when the account is gone.
ALTER TABLE conflict DROP COLUMN staff_id, ADD COLUMN resolved_by text NOT NULL DEFAULT '';
