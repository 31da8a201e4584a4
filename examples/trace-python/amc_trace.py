"""Writes AMC's receipts into a trace: one OTLP/JSON object a line, with OpenTelemetry's GenAI names.

Standard library only. Nothing secret is written, and nothing is verified: that is amc's work.

    trace = Trace("trace.jsonl")
    answer = trace.post("http://127.0.0.1:3210/openai/v1/chat/completions", lease, {"model": ..., "messages": ...})

With another client, give Trace.write the bytes that it sent and got (content coding removed) and the headers.
"""

import gzip
import hashlib
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib


class Trace:
    """Appends a span for each call to a file."""

    def __init__(self, path):
        self.path = path

    def post(self, url, lease, body):
        """Sends a JSON body through the gateway and gives (status, bytes) of the answer."""
        sent = json.dumps(body).encode()
        headers = {"authorization": f"Bearer {lease}", "content-type": "application/json"}
        started = time.time_ns()
        status, got, raw = _ask(urllib.request.Request(url, sent, headers))
        answer = _decoded(raw, got.get("content-encoding", "identity"))
        receipt = got.get("x-amc-receipt") or self._fetched(url, lease, got.get("x-amc-request-id"))
        self.write(sent, status, got, answer, receipt, started, time.time_ns())
        return status, answer

    def write(self, sent, status, headers, answer, receipt, started_ns, ended_ns):
        """Writes the span of one call. `answer` is the whole body, a stream's too."""
        asked, told = _json(sent), _facts(answer)
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": asked.get("model") if isinstance(asked, dict) else None,
            "gen_ai.response.model": told.get("model"),
            "gen_ai.usage.input_tokens": told.get("input"),
            "gen_ai.usage.output_tokens": told.get("output"),
            "http.response.status_code": status,
            "amc.request_id": headers.get("x-amc-request-id"),
            "amc.monitor_pub_fpr": headers.get("x-amc-monitor-pub-fpr"),
            "amc.request_receipt": headers.get("x-amc-request-receipt"),
            "amc.receipt": receipt,
            "amc.request_body_sha256": hashlib.sha256(sent).hexdigest(),
            "amc.body_sha256": hashlib.sha256(answer).hexdigest(),
        }
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(_span(attributes, started_ns, ended_ns)) + "\n")

    def _fetched(self, url, lease, call_id):
        """The receipt of a stream or a long answer is fetched when it has ended."""
        if call_id is None:
            return None
        place = urllib.parse.urljoin(url, f"/amc/receipts/{call_id}")
        request = urllib.request.Request(place, headers={"authorization": f"Bearer {lease}"})
        status, _, raw = _ask(request)
        return json.loads(raw).get("response") if status == 200 else None


def _ask(request):
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def _decoded(raw, coding):
    if coding == "gzip":
        return gzip.decompress(raw)
    return zlib.decompress(raw) if coding == "deflate" else raw


def _json(data):
    try:
        return json.loads(data)
    except ValueError:
        return None


def _facts(answer):
    """Model and usage, the last that the answer or its events report."""
    lines = [line[5:] for line in answer.split(b"\n") if line.startswith(b"data:")]
    facts = {}
    for event in [_json(line) for line in lines] or [_json(answer)]:
        if not isinstance(event, dict):
            continue
        event = event.get("response") or event.get("message") or event
        usage = event.get("usage") or {}
        found = {
            "model": event.get("model"),
            "input": usage.get("input_tokens", usage.get("prompt_tokens")),
            "output": usage.get("output_tokens", usage.get("completion_tokens")),
        }
        facts.update({name: value for name, value in found.items() if value is not None})
    return facts


def _span(attributes, started_ns, ended_ns):
    def value(each):
        return {"intValue": str(each)} if isinstance(each, int) else {"stringValue": each}

    span = {
        "traceId": secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(started_ns),
        "endTimeUnixNano": str(ended_ns),
        "attributes": [{"key": k, "value": value(v)} for k, v in attributes.items() if v is not None],
    }
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "amc-trace"}, "spans": [span]}]}]}
