-- The database roles of Toban, and the database itself. Run it with psql as a superuser; running it again changes nothing:
--
--     psql -v ON_ERROR_STOP=1 -d postgres -f config/roles.sql
--
-- In production give each login role a password afterwards (\password toban_web, ...) and put them into
-- DATABASE_URL, DATABASE_WORKER_URL, DATABASE_SCHEDULER_URL, DATABASE_AUDIT_URL and DATABASE_OWNER_URL.
--
-- toban_owner       owns the tables and migrates; no process of the application runs as it
-- toban_web         the web server
-- toban_worker      the Celery workers that talk to AWS
-- toban_scheduler   the tick
-- toban_audit       reads and verifies the ledger
-- toban_ledger      nobody logs in as it; owns the ledger's tables and functions
-- toban_queue       nobody logs in as it; owns the few functions that look across tenants
-- toban_keys        nobody logs in as it; lets the owner become one of the two, but not be them all the time
--
-- Row-level security binds the four application roles because they own nothing and may not bypass it.

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['toban_owner', 'toban_web', 'toban_worker', 'toban_scheduler', 'toban_audit',
                  'toban_ledger', 'toban_queue', 'toban_keys']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE toban_owner     LOGIN   NOSUPERUSER NOBYPASSRLS CREATEDB   NOCREATEROLE NOREPLICATION;
ALTER ROLE toban_web       LOGIN   NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE toban_worker    LOGIN   NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE toban_scheduler LOGIN   NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE toban_audit     LOGIN   NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE toban_ledger    NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE toban_queue     NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE toban_keys      NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT;

-- Nothing of Toban's waits that long in the middle of a transaction. One that stays open keeps rows locked, and an event that is linked
-- an hour after it happened would be called back-dated (docs/ledger.md).
SELECT format('ALTER ROLE %I SET idle_in_transaction_session_timeout = ''10min''', name)
FROM unnest(ARRAY['toban_owner', 'toban_web', 'toban_worker', 'toban_scheduler', 'toban_audit']) AS name
\gexec

-- To give an object to a role one must be its member; migrations give the ledger and the queue what is theirs.
-- By way of a role that inherits nothing: a direct member would have their policies on every table, too, and see
-- every tenant's rows without so much as a SET ROLE. (WITH INHERIT FALSE says the same from PostgreSQL 16 on.)
REVOKE toban_ledger, toban_queue FROM toban_owner;
GRANT toban_ledger, toban_queue TO toban_keys;
GRANT toban_keys TO toban_owner;

SELECT 'CREATE DATABASE toban OWNER toban_owner TEMPLATE template0 ENCODING ''UTF8'''
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'toban')
\gexec

REVOKE ALL ON DATABASE toban FROM PUBLIC;
GRANT CONNECT ON DATABASE toban TO toban_web, toban_worker, toban_scheduler, toban_audit;
