"""The gateway to Redmine: tickets over its REST, commits over REST and its service for repositories."""

from redmine_sync.redmine.commits import READING_S, Commits, Linked, RedmineCommits
from redmine_sync.redmine.session import Engine
from redmine_sync.redmine.tickets import PAGE, RedmineTickets, Tickets

__all__ = ["PAGE", "READING_S", "Commits", "Engine", "Linked", "RedmineCommits", "RedmineTickets", "Tickets"]
