"""A local collect server, written from the vendor's published facts and from nothing else of this package.

It imports no other module of ``importer``, so that it can disagree with the importer: what the one believes and the
other measures meet only on the wire. What the vendor's page on the HTTP Tracking API says, and what follows here:

* ``POST /events?tc_s={site}&token={key}`` takes one event, 32KB a request.
* ``POST /events/batch?tc_s={site}&token={key}`` takes ``{"batch": [event, ...]}``, 500KB a request, 32KB an event.
* The answer is 200 to every request, except 400 for invalid JSON or a payload that is too large. What the vendor
  answers with 200 and cannot use is answered with 200 here too, but counted apart, so that a user sees it.
* Whether a KB is 1000 or 1024 bytes is not said; the smaller reading is the default of
  :class:`~importer.sandbox.body.Limits`. Compression is not described, so a compressed body is invalid JSON.

Beside the API: ``GET /received`` says what arrived, ``DELETE /received`` forgets it, ``PUT /faults`` changes the
faults, ``GET /`` is a page for people. The Python faces are :class:`importer.sandbox.server.Sandbox` inside a running
event loop and :func:`importer.sandbox.process.spawn` for a process of its own.
"""
