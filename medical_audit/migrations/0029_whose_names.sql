-- A delegation is called by its proxy's name and deputies by their principal's: names like those of users.
SET LOCAL ROLE toban_ledger;

-- From now on; what was written before stays as it is.
ALTER TABLE ledger.event ADD CONSTRAINT subjects_are_named_by_reference
    CHECK (subject_type NOT IN ('user', 'person', 'delegation', 'deputies') OR subject_name IN ('', '消去済み (erased)')
           OR subject_name ~ '^~[A-Za-z0-9_-]{32}$') NOT VALID;

-- As before, and a correction bears the name of what it corrects.
CREATE OR REPLACE FUNCTION ledger.is_about_people(p_kind text) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$ SELECT split_part(p_kind, '.', 1) IN ('member', 'delegation', 'deputies', 'emergency', 'session', 'person', 'token', 'record') $$;
RESET ROLE;
