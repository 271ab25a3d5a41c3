"""What browsers may load for our pages, and who may show them in a frame."""

from collections.abc import Iterable


def content_security_policy(embed_hosts: Iterable[str] = ()) -> str:
    """Return a policy for our own style sheet, script, images and forms, and nothing else.

    Pages of embed_hosts may show the page in a frame; they are as libs.page_views.registry.Site has
    them.
    """
    ancestors = " ".join(embed_hosts) or "'none'"
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )
