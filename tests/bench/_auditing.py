"""The way of an auditor through one tenant's month, in a real Chromium, each page timed from the click to its load event."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from playwright.sync_api import Browser, Page

from accounts.models import Tenant
from config.demo import PASSWORD
from config.stack import ROOT
from tests.ui.browser import Visitor, visit

#: The month's auditors (config/demo_month.py): the one judges, the other signs.
JUDGE, SIGNER = "19", "20"
PATIENCE_S = 300.0
FOUND = "深夜の利用が1件、申請書で確認できませんでした。"
MEASURE = "本人と上長に確認し、時間外の利用は事前に申請するよう周知します。"
FORMS = ("raw", "dicom", "fhir", "proof")
REPORTS = ("sessions", "accounts", "confirmations", "roles", "exports")


@dataclass
class Walk:
    """`month`: like "2026-10"; `seconds` by step, `facts`: what was read off the pages; `shots`: where pictures go, if anywhere."""

    browser: Browser
    address: str
    tenant: Tenant
    month: str
    shots: Path | None
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return round(sum(self.seconds.values()), 1)

    @property
    def is_whole(self) -> bool:
        said = ("signed", "verified", "exported", "offline")
        return all(self.facts.get(one) is True for one in said) and not self.facts["complaints"]

    def go(self) -> None:
        judge = self._enter(JUDGE)
        self._look(judge)
        review = self._judge(judge)
        signer = self._enter(SIGNER)
        self._sign(signer, review)
        self._verify(signer)
        self._export(signer)
        self._bundle()
        self.facts["complaints"] = judge.complaints + signer.complaints
        judge.page.context.close()
        signer.page.context.close()

    def _enter(self, number: str) -> Visitor:
        visitor = visit(self.browser, self.address, width=1440)
        visitor.page.context.set_default_timeout(PATIENCE_S * 1000)
        visitor.open("/sign-in/")
        visitor.page.fill("#id_username", f"{self.tenant.slug}-{number}")
        visitor.page.fill("#id_password", PASSWORD)
        with self._timed(visitor, f"sign in ({'judge' if number == JUDGE else 'signer'})"):
            visitor.page.click("form.card button[type=submit]")
        return visitor

    def _look(self, visitor: Visitor) -> None:
        """What must I sign, is it whole, what is unusual; the month's reports."""
        page = visitor.page
        self._open(visitor, "first view", "audit/")
        with self._timed(visitor, "what must I sign"):
            page.locator(".review-months a.btn-primary").first.click()
        self._open(visitor, "unusual", f"audit/anomalies/?month={self.month}")
        self.facts["findings"] = page.locator(".findings > li").count()
        with self._timed(visitor, "event of a finding"):
            page.locator(".finding-links a").first.click()
        event = page.url.removeprefix(f"{self.address}/t/{self.tenant.slug}/")
        for form in FORMS:
            self._open(visitor, f"event: {form}", f"{event}?form={form}")
        self._open(visitor, "sessions", f"sessions/?month={self.month}")
        for name in REPORTS:
            self._open(visitor, f"report: {name}", f"audit/reports/{name}/?month={self.month}")

    def _judge(self, visitor: Visitor) -> str:
        """Begin, wait for the draw, judge each event (one with a finding), report with a measure; gives the review's address."""
        page = visitor.page
        self._open(visitor, "reviews", "audit/reviews/")
        with self._timed(visitor, "begin the review"):
            page.locator(".review-months button.btn-primary").first.click()
        began = time.perf_counter()
        page.wait_for_selector(".review-items")
        self.seconds["the draw"] = round(time.perf_counter() - began, 2)
        review, items = page.url, page.locator(".review-items > li")
        self.facts["drawn"] = items.count()
        page.evaluate("document.querySelectorAll('input[value=fine]').forEach(one => one.click())")
        items.first.locator("input[value=finding]").check()
        items.first.locator("input.form-control").fill(FOUND)
        with self._timed(visitor, "keep the judgements"):
            page.locator(".may-break button.btn-primary").click()
        page.fill("#id_findings", FOUND)
        page.fill("#id_measures", MEASURE)
        with self._timed(visitor, "report for signature"):
            page.locator("form[action$='/sign/'] button.btn-primary").click()
        return review

    def _sign(self, visitor: Visitor, review: str) -> None:
        """The second auditor: first view, what waits for me, read it, confirm it with the password."""
        page = visitor.page
        self._open(visitor, "first view (signer)", "audit/")
        with self._timed(visitor, "read what is to be signed"):
            page.locator("a.btn-primary[href*='/operations/']").first.click()
        page.fill("#id_password", PASSWORD)
        with self._timed(visitor, "confirm"):
            page.locator("form[action$='/confirm/'] button.btn-primary").click()
        self._open(visitor, "the signed review", review.removeprefix(f"{self.address}/t/{self.tenant.slug}/"))
        self.facts["signed"] = page.locator(".page-head .state-done").count() > 0

    def _verify(self, visitor: Visitor) -> None:
        page = visitor.page
        self._open(visitor, "requirements", "audit/requirements/")
        self._open(visitor, "verification", "ledger/verification/")
        with self._timed(visitor, "ask for a verification"):
            page.locator("form[action$='/verify/'] button").click()
        self._wait(visitor, "verified against seals and copy", "#verdict:not([data-live])")
        self.facts["verified"] = page.locator("#verdict .state-done-tone").count() > 0

    def _export(self, visitor: Visitor) -> None:
        """The month's events with their proofs, made by a worker and taken."""
        page = visitor.page
        self._open(visitor, "exports", "ledger/exports/?format=jsonl")
        page.locator("input[name=format][value=jsonl]").check()
        page.fill("#id_purpose", "月次点検の証跡の保管")
        with self._timed(visitor, "ask for an export"):
            page.locator("form.card button.btn-primary").click()
        self._wait(visitor, "exported by a worker", "#exports:not([data-live])")
        take = page.locator("#exports a.btn-primary").first
        self.facts["exported"] = take.count() > 0
        if take.count():
            began = time.perf_counter()
            with page.expect_download() as waiting:
                take.click()
            waiting.value.path()
            self.seconds["take the export"] = round(time.perf_counter() - began, 2)

    def _bundle(self) -> None:
        """`audit_export`, and the verifier on it in a bare Python that sees nothing of ours."""
        with tempfile.TemporaryDirectory() as place:
            file = Path(place) / "bundle.zip"
            role = {"DATABASE_URL": os.environ["DATABASE_AUDIT_URL"]}
            command = [sys.executable, ROOT / "manage.py", "audit_export", file]
            more = ["--tenant", str(self.tenant.id), "--purpose", "月次点検"]
            self._run("bundle exported", [*command, *more], os.environ | role)
            verifier = Path(place) / "bundle_verifier.py"
            verifier.write_bytes((ROOT / "medical_audit/domain/bundle_verifier.py").read_bytes())
            keys = [part for key in settings.TOBAN_SEAL_PUBLIC_KEYS for part in ("--key", str(key))]
            code = self._run("bundle checked offline", [sys.executable, "-I", verifier, *keys, file], {})
            self.facts |= {"offline": code == 0, "bundle_mb": round(file.stat().st_size / 1e6, 1)}

    def _run(self, step: str, command: list[Any], env: dict[str, str]) -> int:
        began = time.perf_counter()
        done = subprocess.run([str(part) for part in command], env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
        self.seconds[step] = round(time.perf_counter() - began, 2)
        return done.returncode

    def _open(self, visitor: Visitor, step: str, path: str) -> None:
        with self._timed(visitor, step):
            visitor.page.goto(f"{self.address}/t/{self.tenant.slug}/{path}", wait_until="load")

    @contextmanager
    def _timed(self, visitor: Visitor, step: str) -> Iterator[None]:
        """From the click to the load event of the page that answers it; then its picture."""
        began = time.perf_counter()
        with visitor.page.expect_event("load"):
            yield
        self.seconds[step] = round(time.perf_counter() - began, 2)
        visitor.ready()
        self._picture(visitor.page, step)

    def _wait(self, visitor: Visitor, step: str, selector: str) -> None:
        """What the page shows by itself when a worker is done."""
        began = time.perf_counter()
        visitor.page.wait_for_selector(selector)
        self.seconds[step] = round(time.perf_counter() - began, 2)
        self._picture(visitor.page, step)

    def _picture(self, page: Page, step: str) -> None:
        if self.shots:
            name = step.translate({ord(" "): "-", ord(":"): None, ord("("): None, ord(")"): None})
            self.shots.mkdir(parents=True, exist_ok=True)
            file = self.shots / f"{self.tenant.slug}-{len(self.seconds):02}-{name}.png"
            page.screenshot(path=file, full_page=True)
