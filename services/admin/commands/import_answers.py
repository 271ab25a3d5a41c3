"""Say what an import did, and what it left out."""

from collections import Counter

from libs.page_views.daily_import import DailyReport
from libs.page_views.importing import Report
from services.admin.commands.command import Answer


def log_answer(site: str, report: Report, problems: Counter[str]) -> Answer:
    """Return the answer of an import of views; problems are entries that are no page views."""
    skipped = {f"{hour:%Y-%m-%dT%H:00Z}": count for hour, count in sorted(report.skipped.items())}
    data = {
        "views": report.counted,
        "dropped": report.dropped,
        "imported_before": report.repeated,
        "skipped_hours": skipped,
        "no_page_views": problems,
    }
    lines = [f"{site}: {report.counted:,} views are imported"]
    if report.repeated:
        lines.append(f"imported before: {report.repeated:,}")
    lines += _reasons("dropped", report.dropped) + _reasons("no page views", problems)
    if skipped:
        hours = f"{len(skipped)} hours, from {min(skipped)} to {max(skipped)}"
        entries = report.skipped.total()
        lines.append(f"skipped: {entries:,} in {hours}, which were imported with other views")
    return Answer(data, "\n".join(lines))


def daily_answer(site: str, report: DailyReport, problems: Counter[str]) -> Answer:
    """Return the answer of an import of counts; problems are views that are left out."""
    data = {
        "views": report.added,
        "changed_days": report.changed,
        "imported_before": report.repeated,
        "left_out": problems,
    }
    lines = [f"{site}: {report.added:,} views are imported"]
    lines.append(
        f"tables of days: {report.changed:,} are changed, {report.repeated:,} were the same"
    )
    return Answer(data, "\n".join(lines + _reasons("left out", problems)))


def _reasons(what: str, counts: Counter[str]) -> list[str]:
    if not counts:
        return []
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts.most_common())
    return [f"{what}: {counts.total():,} ({reasons})"]
