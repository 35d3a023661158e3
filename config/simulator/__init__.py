"""An AWS simulator for Toban: moto (unmodified) in a process of its own, over real HTTP, made to behave and fail
like AWS.

    python -m config.simulator [--host 127.0.0.1] [--port 5600 | 0] [--state DIR]

prints `{"ready": true, "port": N, "pid": N}` on stdout once it answers; with --state the journal is also kept in
DIR/journal.jsonl (its numbering goes on after a restart; resources do not survive one, their ids are stable).
Permanent access keys ("toban"/"toban") belong to account 123456789012; AssumeRole leads into any other account.
Temporary keys stay valid over a restart. EC2, RDS, Auto Scaling, STS and the maintenance windows of SSM are
meant; the rest is plain moto. Below /redmine answers a simulated Redmine, for programs and in a browser (kept in
DIR/redmine.json).

Control API: JSON in, JSON out. Errors: 400, 404 or 409 (an id exists) with {"error": text}.
ACCOUNT below is a 12-digit account id. Everything that can be set by account should be, since tests share one
simulator.

Readings
    GET /_sim/stats                 {"ready": true, "version", "moto", "pid", "rss_mb", "cpu_s", "uptime_s"}
    GET /_sim/counts[?account=&region=]
                                    {"total", "by_action": {"ec2.StartInstances": 3}, "by_target": {"ACCOUNT/region":
                                    {action: n}}, "errors": {"ec2.StartInstances RequestLimitExceeded": 1}}
                                    AssumeRole counts for the account of the role.
    POST /_sim/reset-counts[?account=]
    GET /_sim/state[?account=&detail=1]
                                    {"ec2": {"running": 3}, "volumes": {"in-use": 3}, "rds": {"stopped": 1}}; with
                                    detail also {"by_id": {"ec2": {id: state}, "volumes": {...},
                                    "rds": {"ACCOUNT/region/identifier": state}, "clusters": the same,
                                    "groups": {"ACCOUNT/region/name": "min/desired/max"}}}
    GET /_sim/journal[?account=&action=&since=SEQ&effective=1&limit=10000]
                                    {"first", "last", "more", "entries": [...]}; go on with since=last.
                                    One entry for each mutating call, made in one step with its effect:
        {"sequence": 7, "at": 1795382629.97 (epoch), "monotonic": 2116.27, "account", "region", "service": "ec2",
         "action": "StartInstances", "ids": [...], "code": null or AWS's error code ("reset", "hang": never
         applied), "request_id", "answered": false if the answer was lost on purpose,
         "changes": {"i-1": {"state": ["stopped", "pending"]}, "vol-1": {"tag:Name": [null, "web-01"]}}}
        `changes` has only what the call really changed: a start of a running instance has none. Fields: state,
        tag:<key>, attachment:<instance id>. The 200,000 newest entries are kept in memory.

Seeding (no call lands in the middle of one)
    POST /_sim/demo {"at": "2026-11-30T08:30+09:00", "delays": {...}, "slow_ms": [3000, 5000]}
        Empties the six demo accounts and plants `fleet.demo_fleet(at)` with its trust, delays (4-8 s) and the slow
        account's latency. -> {"at", "accounts", "counts", "due": {"ec2_start", "ec2_stop", "rds_start",
        "rds_stop"} by tag alone, "wall_s"}
    POST /_sim/seed {"seed": "any text", "accounts": [as below], "instances": [...], "volumes": [...],
                     "databases": [...], "clusters": [...], "groups": [...], "windows": [...], "generate": {...}}
        -> {"instances": [ids], "volumes": [ids], "databases": [ids] (of the lists), "counts", "wall_s", "rss_mb"}
        instance  {"account_id", "region", "id"?, "state"?: "stopped", "tags"?: {}, "instance_type"?, "zone"?,
                   "launched_at"?: iso, "hibernation"?, "bounce"?: state reason code, "no_capacity"?}
        volume    {"account_id", "region", "id"?, "size_gib"?, "volume_type"?, "tags"?, "zone"?, "created_at"?,
                   "multi_attach"?, "attachments"?: [{"instance_id", "device"?, "delete_on_termination"?}],
                   "key_id"?: ARN of a KMS key}
        database  {"account_id", "region", "id", "engine"?: "mysql", "version"?, "state"?: "available", "tags"?,
                   "db_class"?, "zone"?, "multi_az"?, "replica_of"?: id, "cluster"?: id, "created_at"?,
                   "maintenance"?: "sun:18:00-sun:18:30" (UTC)}
        cluster   {"account_id", "region", "id", "engine"?: "aurora-mysql" (mysql and postgres: Multi-AZ DB cluster),
                   "version"?, "state"?, "tags"?, "mode"?: "provisioned", "global_cluster"?, "replicas"?: [arn],
                   "maintenance"?}; a cluster that only a database names is made, too
        group     {"account_id", "region", "id": its name, "min"?: 1, "desired"?: 2, "max"?: 4, "tags"?,
                   "instance_type"?, "suspended"?: ["Launch"], "protected"?}; launches its instances at once
        window    {"account_id", "region", "id", "name", "enabled"?, "duration_hours"?: 2, "next_at"?: iso}; an SSM
                   maintenance window, which takes the place of one with its id
        snapshot  {"account_id", "region", "id", "volume_id", "size_gib"?, "tags"?, "description"?, "created_at"?: iso};
                   complete, of an EBS volume that may be gone
        generate  {"accounts": N or [ids], "regions": [..], "instances": N, "databases": N, "volumes_per": 1,
                   "orphans": 0, "due": 0.1, "running": 0.5, "named": 0.5, "tags_due": {}, "tags_rest": {}, "seed"}
        Left out ids come from `seed` and the position, the same in every process. Each instance has a
        reservation of its own.
    DELETE /_sim/accounts/ACCOUNT   Empties an account and forgets its trust, faults, delays and throttling.

Trust
    POST /_sim/accounts {"account_id", "role_arn"?, "external_id"?, "refuse"?: true} or a list of them; GET lists.
        A wrong role, a missing or wrong ExternalId, or `refuse` -> AccessDenied.
    GET  /_sim/sources?account=ACCOUNT  Who stood behind each sign-in (SourceIdentity), oldest first.
    POST /_sim/stack {"account" or "accounts", "template": {...}}  Makes the IAM roles of a CloudFormation template;
        their trust policies then decide who is let in. A session is held to the policy that it was asked for with.
    POST /_sim/organization {"management", "name", "members": [{"id", "name", "state"?}]}  Makes an organization.
    POST /_sim/trust {"strict": true}       Accounts that are not registered are refused too.

Behaviour
    POST /_sim/delays {"ec2_start": 5, "ec2_stop": [4, 8], "rds_start": 0, "rds_stop": 0, "rds_snapshot": 0, "rds_modify": 0, "rds_make": 0, "ebs_snapshot": 0,
                       "ebs_delete": 0,
                       "asg_start": 0, "asg_stop": 0, "account"?: ACCOUNT}
        Seconds, or [low, high], of pending, stopping, starting (clusters as databases), creating and deleting. 0
        unless set.
        GET shows them.
    POST /_sim/settle[?account=]    Ends every pending, stopping and starting now. -> {"settled": n}
    POST /_sim/marks {"id": "i-..", "bounce"?: "Client.InvalidKMSKey.InvalidState" or "Client.InternalError",
                      "no_capacity"?: true}
        A start falls back to `stopped` with that StateReason, or fails with InsufficientInstanceCapacity (the
        whole call, without naming the instance). Without either word the mark is taken away.
    POST /_sim/buckets {"preset": "aws", "accounts"?: [ACCOUNT], "custom"?: {"ec2.StartInstances": [burst, per_s]}}
        AWS's documented throttling. DELETE /_sim/buckets[?account=] ends it, GET shows it.

Faults
    POST /_sim/faults RULE or [RULE]        -> the rules with their ids; an id in use is replaced
    GET /_sim/faults                        rules with "seen", "fired" and "waiting" (calls it delays, hangs or holds now)
    DELETE /_sim/faults/ID, DELETE /_sim/faults?account=ACCOUNT, DELETE /_sim/faults
    RULE {"id"?, "match": {"service"?: regex, "action"?: regex, "account"?: id or list, "region"?: name or list,
          "body"?: text in the request}, "times"?, "after"?, "probability"?, and what happens:
          "latency_ms": 300 or [low, high]           wait first; alone or with one of:
          "code": "RequestLimitExceeded", "status"?, "message"?
          "reset": true                              the connection is cut, nothing applied
          "hang_s": 60                               silence, then cut, nothing applied
          "apply_then_lose": true (with "hang_s"?)   applied, the answer never comes
          "hold": "before" or "after"                wait before or after applying until the rule is removed,
                                                     then go on (watch "waiting" to know a call stands there)
          "answer": text, "content_type"?, "status"? answered with this text
    The first rule that matches and has not run out fires.
"""
