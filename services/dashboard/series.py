"""Turn the series of a report into the chart of a site's page."""

from datetime import datetime, timedelta

from libs.page_views.reports.answers import Bucket, Interval
from services.dashboard.charts import Bar, Chart, bar_chart
from services.dashboard.question import Address

_LABELS = {
    Interval.HOUR: ("%-d %b, %H:%M", "%H:%M"),
    Interval.DAY: ("%a, %-d %b %Y", "%-d %b"),
    Interval.MONTH: ("%B %Y", "%b %Y"),
}
"""How a bucket is called, and how below the axis."""

_WHEN = {Interval.HOUR: "on", Interval.DAY: "on", Interval.MONTH: "in"}


def chart_of(buckets: tuple[Bucket, ...], address: Address) -> Chart:
    """Return the chart of a series; a click on a day or month leads to its hours or days."""
    interval, query = address.interval, address.queries()

    def inside(bucket: Bucket) -> str:
        if interval is Interval.HOUR:
            return ""
        return query(bucket.start.date(), (bucket.end - timedelta(seconds=1)).date())

    return bar_chart([_bar(each, interval, inside(each)) for each in buckets], _WHEN[interval])


def _bar(bucket: Bucket, interval: Interval, href: str) -> Bar:
    label, short = (f"{bucket.start:{form}}" for form in _LABELS[interval])
    if interval is Interval.HOUR and _comes_twice(bucket.start):
        label = f"{label} {bucket.start:%Z}"
    return Bar(
        label,
        short,
        bucket.measure.views,
        bucket.measure.visitors,
        bucket.before.views if bucket.before else None,
        bucket.so_far,
        bucket.future,
        href,
    )


def _comes_twice(time: datetime) -> bool:
    """Return whether clocks show a time twice, since they are put back."""
    return time.replace(fold=0).utcoffset() != time.replace(fold=1).utcoffset()
