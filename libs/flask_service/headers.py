"""The headers of every answer, those of Gunicorn's own error pages included."""

SECURITY_HEADERS = {
    # A cached answer is not counted, or no longer true.
    "Cache-Control": "no-store",
    # The answers are no documents that load, run, embed or link anything. frame-ancestors replaces
    # X-Frame-Options. Strict-Transport-Security is for whoever ends TLS.
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
