"""Where the function app is, and the trace that the tests' invocations belong to."""

from pathlib import Path

APP_FOLDER = Path(__file__).resolve().parents[2] / "cloud_function"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
