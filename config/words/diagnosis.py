"""Whether a host reaches a database, in words: what each step asks, why it failed, and what to do about it."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# Steps in the order of a connection (infra.domain.diagnosis.Step).
STEPS: Final[Mapping[str, Promise | str]] = {
    "state": _("Is the database available"),
    "endpoint": _("Does it have an address"),
    "network": _("Do both lie in one network"),
    "rule": _("Does a security group let the host in"),
    "name": _("Is its name known"),
    "tcp": _("Does its port answer"),
    "tls": _("Does it speak TLS"),
    "sign_in": _("Does the user get in"),
}

# What a step came to: (what is so, what to do).
CAUSES: Final[Mapping[str, tuple[Promise | str, Promise | str]]] = {
    "db_available": (_("It is available."), ""),
    "db_stopped": (_("The database is stopped."), _("Start it, and wait until it is available.")),
    "db_not_ready": (_("The database is not available now."), _("Wait until AWS is done with it, then look again.")),
    "endpoint": (_("AWS gave it an address."), ""),
    "endpoint_missing": (
        _("AWS has given it no address yet."), _("Wait until it is available; Toban reads its address at the next look, within minutes."),
    ),
    "from_toban": (_("It is looked at from where Toban runs, whose network AWS does not show."), ""),
    "host_stopped": (_("The host does not run."), _("Start the host.")),
    "vpc_unknown": (_("The network of one of them is not known."), _("Toban reads it at its next look, within minutes. Then look again.")),
    "same_vpc": (_("Both lie in the same VPC."), ""),
    "other_vpc": (
        _("They lie in different VPCs. Whether a peering or a transit gateway leads across is not known here."),
        _("Look in AWS's console whether there is a way across, with routes on both sides."),
    ),
    "rules_unread": (
        _("The rules of its security groups are not known."),
        _("Let the role that looks have ec2:DescribeSecurityGroupRules; Toban reads them within the hour."),
    ),
    "rule_there": (_("A rule lets the host in."), ""),
    "prefix_list": (
        _("A rule lets in a prefix list, whose addresses are not known here."),
        _("Look in AWS's console whether the host's address is in the list."),
    ),
    "rule_missing": (
        _("No rule lets the host in on this port. A client then waits until it gives up: ERROR 2003 (110), ORA-12170, “timeout expired”."),
        _("Open the way for the security group of the host."),
    ),
    "not_rds": (_("The address is not one of RDS, so Toban does not call it."), ""),
    "address_refused": (
        _("The name leads to an address that no database can have: that of the machine itself, of its link, or a reserved one. Toban does not call it."),
        _("Look where the name leads on the machine of Toban (nslookup), and who answers it there: a changed hosts file or name server."),
    ),
    "network_not_named": (
        _("The name leads to a private address, and nobody has named the database's VPC as one that Toban reaches. Toban does not call it: in its own network the same address may be another machine's."),
        _("Try it from a host in the VPC. Where the network of Toban leads into this VPC, an administrator of the server names it with TOBAN_DATABASE_NETWORKS, as in vpc-0abc1234=10.20.0.0/16."),
    ),
    "name_timed_out": (
        _("No name server said in time where the name leads."), _("Look on the machine of Toban whether its name servers answer (nslookup)."),
    ),
    "turned_away": (
        _("The server is reached, but turns Toban away before it says who it is."), _("The server's own words stand below."),
    ),
    "name_known": (_("The name leads to an address."), ""),
    "name_unknown": (
        _("The name is not known there."),
        _("Copy the address from the database's page. In a VPC of your own, DNS resolution must be switched on."),
    ),
    "answers": (_("Somebody answers there."), ""),
    "refused": (
        _("The host answers, but nobody listens on this port (refused)."),
        _("Compare the port, and look whether the database is available: a stopped one refuses."),
    ),
    "timed_out": (
        _("No answer came in time. That is what a security group, a network ACL or a missing route looks like."),
        _("Check the security groups: the host's group or address must be let in on this port."),
    ),
    "not_reached": (
        _("The server could not be reached. The number in brackets says why: 110, 10060 or 60 no answer; 111, 10061 or 61 refused."),
        _("Where there was no answer, check the security groups; where it was refused, the port and whether the database runs."),
    ),
    "broken_off": (
        _("The connection was made and broken off before anybody signed in (2013, ORA-12537, “server closed the connection unexpectedly”). A server that restarts does that, one that has no room left, a server without TLS towards a client that wants it, or something between."),
        _("Look whether the database is just restarting or full (events and metrics on its page in the AWS console); then whether a proxy or a load balancer stands between."),
    ),
    "host_blocked": (
        _("The server has shut this host out after too many broken connections (1129)."),
        _("Have an administrator of the database run FLUSH HOSTS (mysqladmin flush-hosts), and find what keeps breaking connections off."),
    ),
    "plugin_missing": (
        _("The client is too old for the way in which this user signs in (2059, such as caching_sha2_password)."),
        _("Update the client, or let the user be created with a way of signing in that the client knows."),
    ),
    "local_socket": (
        _("The client looked for a server on the same machine."), _("Give the host with -h, and the port with -P."),
    ),
    "tls_trusted": (_("It showed this certificate, and AWS's authorities vouch for it."), ""),
    "tls_unchecked": (
        _("It showed this certificate. Whether AWS issued it could not be checked, because Toban has no bundle of AWS's authorities."),
        _("An administrator of the server lays AWS's global-bundle.pem down and names it with TOBAN_RDS_CA_BUNDLE."),
    ),
    "tls_untrusted": (
        _("It showed a certificate that AWS's authorities do not vouch for under this address. Whoever answers there may be somebody else."),
        _("Look at the certificate on the database's page. Where something between opens the connections, have it leave this database out; where the authority is new, renew the bundle."),
    ),
    "tls_none": (
        _("No TLS handshake was possible."),
        _("Look at the database's certificate, and at whether something between changes the connection."),
    ),
    "tls_unspoken": (_("The TLS of this engine cannot be looked at from outside."), _("Check it with a client.")),
    "tls_demanded": (
        _("The server takes encrypted connections only."),
        _("Switch TLS on in the client: --ssl-mode=REQUIRED for mysql, sslmode=require for PostgreSQL."),
    ),
    "tls_failed": (
        _("The client and the server did not come to terms on TLS, or the client does not trust the certificate."),
        _("Give the client AWS's newest bundle (global-bundle.pem), and update a client that is very old."),
    ),
    "password_withheld": (
        _("Not tried: the password would go to somebody whose certificate could not be trusted."), _("Settle the certificate first."),
    ),
    "no_bundle": (
        _("Not tried: without a bundle of AWS's authorities nobody knows whom the password would go to."),
        _("An administrator of the server lays AWS's global-bundle.pem down and names it with TOBAN_RDS_CA_BUNDLE."),
    ),
    "too_many_sign_ins": (
        _("Not tried: you have tried so many sign-ins at this database within a quarter of an hour. More would look like guessing, and some engines lock the user."),
        _("Wait a quarter of an hour, or try with the client itself."),
    ),
    "no_credential": (_("Nobody gave a user to try with."), ""),
    "engine_unspoken": (
        _("Toban does not try a sign-in at this engine, because it does not speak its protocol (Oracle, SQL Server, Db2)."),
        _("Try it on the host, with a client of this engine."),
    ),
    "auth_unspoken": (
        _("The server asks for a way of signing in that Toban does not speak, such as ed25519 of MariaDB. Whether the user gets in is not known."),
        _("Try it on the host, with a client of this engine."),
    ),
    "garbled": (
        _("What answered does not speak this engine's protocol, or spoke it wrongly."),
        _("Compare the port; look whether something between answers in the database's place."),
    ),
    "signed_in": (_("The user got in."), ""),
    "sign_in_refused": (
        _("The server is reached, but it takes this user or this password not (1045, ORA-01017)."),
        _("Compare user and password. In MySQL the host part counts, too: 'app'@'10.0.0.%' is not 'app'@'%'."),
    ),
    "user_locked": (_("The user is locked (ORA-28000)."), _("Have the user unlocked; look for what keeps trying a wrong password.")),
    "no_right_to_connect": (
        _("The user exists, but may not open a session (ORA-01045)."), _("Grant CREATE SESSION to the user."),
    ),
    "no_right_here": (
        _("The user is known, but may not use this database (1044)."), _("Grant the user its rights on this database, or compare its name."),
    ),
    "no_such_database": (
        _("The server has no database of this name."), _("Compare the database name on the database's page."),
    ),
    "service_unknown": (
        _("The listener is reached, but knows no such service or SID (ORA-12514, ORA-12505)."),
        _("Compare the SID or service name on the database's page, and whether the client writes host:port/service or host:port:SID."),
    ),
    "host_not_allowed": (
        _("The server is reached, but lets in nobody from this host (1130, pg_hba.conf)."),
        _("Give the user a host part that fits, or check pg_hba.conf; on RDS, whether TLS is on."),
    ),
    "too_many": (
        _("The server takes no more connections."),
        _("Close what is idle, let applications share connections, or raise the limit."),
    ),
    "not_known": (_("What the server said is not known to Toban."), _("The server's own words stand below.")),
    "earlier_failed": (_("Not tried, because a step before it did not go well."), ""),
}  # fmt: skip
UNKNOWN_MESSAGE = _(
    "This message is not known to Toban. Copy the whole line with its number, such as ERROR 2003 (HY000) … (110) or ORA-12514."
)
FOUND: Final[Mapping[str, Promise | str]] = {
    "good": pgettext_lazy("diagnosis", "In order"),
    "bad": pgettext_lazy("diagnosis", "Not in order"),
    "unknown": pgettext_lazy("diagnosis", "Not known"),
    "left_out": pgettext_lazy("diagnosis", "Not tried"),
}
