-- What guards the ledger, as one text per object; its SHA-256 is the catalogue digest. The sealer runs this very text
-- itself (queries/catalogue.py), because a superuser could replace a function that runs it.
-- Sorted by bytes; names instead of oids; the search path must be pg_catalog.
SELECT encode(sha256(convert_to(string_agg(line, E'\n' ORDER BY line COLLATE "C"), 'UTF8')), 'hex')
FROM (
    SELECT concat_ws('|', 'relation', n.nspname, c.relname, c.relkind, c.relpersistence, pg_get_userbyid(c.relowner),
        c.relrowsecurity, c.relforcerowsecurity, coalesce(pg_get_expr(c.relpartbound, c.oid), '-'),
        (SELECT string_agg(a::text, ',' ORDER BY a::text COLLATE "C") FROM unnest(c.relacl) a)) AS line
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'ledger'
    UNION ALL
    SELECT concat_ws('|', 'schema', n.nspname, pg_get_userbyid(n.nspowner),
        (SELECT string_agg(a::text, ',' ORDER BY a::text COLLATE "C") FROM unnest(n.nspacl) a))
    -- A schema of a role's name comes before public on its path.
    FROM pg_namespace n WHERE n.nspname IN ('ledger', 'queue', 'public') OR starts_with(n.nspname, 'toban_')
    UNION ALL
    SELECT concat_ws('|', 'column', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        a.attidentity, a.attgenerated, a.attisdropped, coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), coalesce(a.attacl::text, '-'))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE n.nspname = 'ledger' AND a.attnum > 0 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL
    SELECT concat_ws('|', 'index', c.relname, i.indisunique, i.indisvalid, pg_get_indexdef(i.indexrelid))
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'ledger'
    UNION ALL
    SELECT concat_ws('|', 'constraint', c.relname, o.conname, o.convalidated, pg_get_constraintdef(o.oid))
    FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'ledger'
    UNION ALL
    SELECT concat_ws('|', 'trigger', n.nspname, c.relname, t.tgenabled, pg_get_triggerdef(t.oid))
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND n.nspname IN ('ledger', 'public')
    UNION ALL
    SELECT concat_ws('|', 'rule', n.nspname, c.relname, r.ev_enabled, pg_get_ruledef(r.oid))
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'ledger' OR (n.nspname = 'public' AND c.relkind IN ('r', 'p'))
    UNION ALL
    -- A child has neither its parent's triggers nor its policies, and who reads the parent reads the child's rows.
    SELECT concat_ws('|', 'child', n.nspname, c.relname, k.nspname, d.relname)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class d ON d.oid = i.inhrelid JOIN pg_namespace k ON k.oid = d.relnamespace
    WHERE n.nspname IN ('ledger', 'public') AND c.relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT concat_ws('|', 'policy', c.relname, p.polname, p.polcmd, p.polpermissive,
        (SELECT string_agg(o::regrole::text, ',' ORDER BY o::regrole::text COLLATE "C") FROM unnest(p.polroles) o),
        coalesce(pg_get_expr(p.polqual, p.polrelid), '-'), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '-'))
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('ledger', 'public')
    UNION ALL
    SELECT concat_ws('|', 'walled', n.nspname, c.relname, pg_get_userbyid(c.relowner), c.relforcerowsecurity,
        (SELECT string_agg(a::text, ',' ORDER BY a::text COLLATE "C") FROM unnest(c.relacl) a),
        (SELECT string_agg(concat(a.attname, a.attacl::text), ',' ORDER BY a.attname COLLATE "C")
         FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relrowsecurity
    UNION ALL
    SELECT concat_ws('|', 'function', pg_get_userbyid(p.proowner), pg_get_functiondef(p.oid),
        (SELECT string_agg(a::text, ',' ORDER BY a::text COLLATE "C") FROM unnest(p.proacl) a))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p') AND n.nspname IN ('ledger', 'toban_guard', 'queue', 'public')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE (d.classid, d.objid, d.deptype) = ('pg_proc'::regclass, p.oid, 'e'))
    UNION ALL
    SELECT concat_ws('|', 'event trigger', e.evtname, e.evtevent, e.evtenabled, pg_get_userbyid(e.evtowner), e.evtfoid::regproc::text)
    FROM pg_event_trigger e
    UNION ALL
    SELECT concat_ws('|', 'role', r.rolname, r.rolcanlogin, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolreplication)
    FROM pg_roles r WHERE starts_with(r.rolname, 'toban_')
    UNION ALL
    -- What a session begins with: triggers asleep, another path, no end of a transaction that stays open.
    SELECT concat_ws('|', 'setting', CASE WHEN s.setdatabase = 0 THEN 'everywhere' ELSE 'here' END, coalesce(r.rolname, 'everybody'),
        (SELECT string_agg(o, ',' ORDER BY o COLLATE "C") FROM unnest(s.setconfig) o))
    FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
        AND (s.setrole = 0 OR starts_with(r.rolname, 'toban_'))
    UNION ALL
    SELECT concat_ws('|', 'member', pg_get_userbyid(m.roleid), pg_get_userbyid(m.member), m.admin_option)
    FROM pg_auth_members m
    WHERE starts_with(pg_get_userbyid(m.roleid), 'toban_') OR starts_with(pg_get_userbyid(m.member), 'toban_')
) AS described
