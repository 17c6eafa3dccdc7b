"""Names in the WSGI environment: what middleware notes there, and what several modules read."""

from __future__ import annotations

CLIENT = "vatwatch.client"
"""The client's address, for the access log."""
FORWARDED = "vatwatch.forwarded"
"""Whether a trusted proxy has sent the request, so that its X-Forwarded-… can be believed."""
OPENED = "vatwatch.opened"
"""A body that must be closed: it holds what others wait for."""
AUTHORIZATION, COOKIE = "HTTP_AUTHORIZATION", "HTTP_COOKIE"
PASSED_ON = "vatwatch.passed_on"
"""The `NodeRequest` of another node, if one has passed this request on: it knows who asks. A client
cannot set it, as what a client sends has other names."""
